"""Writes docs/environment.md: every environment variable that `proj` reads, and those that it sets for scripts."""

from __future__ import annotations

from pages.markdown import Rows, generated, table
from weaselish.connections.variables import SETTINGS
from weaselish.serve.settings_file import KEYS, variable_of

_CREDENTIALS = ("access_key", "secret_key", "session_token", "user", "password", "token")
_ABOUT = """\
An option has priority over a variable, and a variable over project.yml. Each project chooses the
variables that its project.yml reads with `${env.NAME}`: `proj vars` shows them."""
READ: dict[str, Rows] = {
    "What proj reads": [
        ("PROJ_JOBS", "How many steps run at a time, like `-j`: a number or `auto`."),
        ("PROJ_CACHE", "The run cache, like `--cache`: `local`, a remote, or `off`."),
        ("PROJ_GPUS", "How many GPUs steps may use, like `--gpus`."),
        ("PROJ_NOTIFY", "A shell command that `proj` runs at the end of a run of over a minute."),
        ("PROJ_CONFIG_OVERRIDES", "Overrides of variables: `--vars.epochs 5 --vars.lang de`."),
        ("WEASEL_CONFIG_OVERRIDES", "The same, for projects that come from Weasel."),
        ("PROJ_CACHE_DIR", "The directory of the user's run cache."),
        ("PROJ_CONFIG_DIR", "The directory of config.yml and credentials.yml."),
        ("PROJ_DATA_DIR", "The directory of the dashboard's database."),
        ("NO_COLOR", "No colours, if it is set."),
        ("TERM", "With `dumb`, no colours and no lines that are redrawn."),
        ("COLUMNS", "The width of tables where the output is not a terminal."),
        ("SHELL", "The shell that `proj shell` opens, and that the hint of `proj completion` names."),
        ("PATH", "Where programs are found. Scripts get the folder of the project's Python in front of it."),
        ("VIRTUAL_ENV", "The environment whose `python` and `pip` scripts use, before the project's `.venv`."),
        ("CONDA_PREFIX", "The same for conda. If CONDA_DEFAULT_ENV is `base`, the project's `.venv` comes first."),
        ("XDG_CACHE_HOME", "The directory for locks of paths outside the project, and for the run cache."),
        ("GITHUB_ACTIONS", "With `true`, each step is a group in the log, and errors are annotations."),
        ("GITHUB_STEP_SUMMARY", "The file to which `proj run` appends the table of its steps."),
        ("GITHUB_WORKSPACE", "The directory from which annotations count their paths."),
    ],
    "Credentials of stores": [
        ("AWS_ACCESS_KEY_ID", "S3: the key. The AWS library also reads AWS_PROFILE, AWS_REGION and others."),
        ("AWS_SECRET_ACCESS_KEY", "S3: the secret key."),
        ("AWS_SESSION_TOKEN", "S3: the token of a temporary key."),
        ("GOOGLE_APPLICATION_CREDENTIALS", "Google Cloud Storage: the file of a service account."),
        ("STORAGE_EMULATOR_HOST", "Google Cloud Storage: the address of an emulator."),
        ("AZURE_STORAGE_CONNECTION_STRING", "Azure: account and key in one text. It has priority."),
        ("AZURE_STORAGE_ACCOUNT", "Azure: the storage account."),
        ("AZURE_STORAGE_KEY", "Azure: the key of the account."),
        ("AZURE_STORAGE_SAS_TOKEN", "Azure: a shared access signature, in place of a key."),
        (
            "REQUESTS_CA_BUNDLE",
            "The file of certificate authorities, for all stores. For S3, AWS_CA_BUNDLE takes precedence.",
        ),
        ("CURL_CA_BUNDLE", "The same; REQUESTS_CA_BUNDLE has priority. S3 does not read it."),
        ("SSL_CERT_FILE", "The same, with the lowest priority."),
    ],
    "Executors": [
        ("DASK_SCHEDULER_ADDRESS", "The scheduler of executors of type `dask` that name none."),
        ("KUBECONFIG", "The files that describe clusters."),
        ("KUBERNETES_SERVICE_HOST", "Set in a pod: without a kubeconfig, `proj` uses the pod's account."),
        ("SLURM_CONF", "The configuration of Slurm. Jobs get it, and the next two."),
        ("SLURM_CLUSTERS", "The clusters of Slurm."),
        ("SLURM_JWT", "The token of Slurm."),
        ("CONTAINER_HOST", "The address of Podman's engine. For Docker it is DOCKER_HOST, which Docker reads itself."),
        ("CONTAINER_CONNECTION", "The connection of Podman, by its name."),
        ("XDG_RUNTIME_DIR", "A directory in memory, for the secrets of containers."),
        ("CUDA_VISIBLE_DEVICES", "The GPUs that `proj` may give to steps."),
    ],
}
SET: dict[str, Rows] = {
    "What scripts get": [
        ("CUDA_VISIBLE_DEVICES", "The GPUs of the step, if it requests any."),
        ("GPU_COUNT", "Their number."),
        ("`<NAME>_DIR`", "Where a source is: TRAIN_DATA_DIR for the asset named `train-data`."),
        ("GIT_OPTIONAL_LOCKS", "Only git gets it, from `proj`: with 0, git locks nothing."),
    ],
    "What replicas get": [
        ("`<ROLE>_NODES`", "The addresses of all replicas of a role, separated by commas."),
        ("REPLICA_INDEX", "The number of the replica in its role, from 0."),
        ("RANK", "Its number among all replicas that work together, as PyTorch counts."),
        ("WORLD_SIZE", "How many work together."),
        ("LOCAL_RANK", "Always 0: each replica sees only its own GPUs."),
        ("MASTER_ADDR", "The host of the replica with rank 0."),
        ("MASTER_PORT", "Its port."),
        ("TF_CONFIG", "The cluster as TensorFlow describes it, if the roles are TensorFlow's."),
        ("BUILD_ID", "The id of the run. Jobs on Kubernetes get it without roles, too."),
        ("TASK_NAME", "The name of the step. Jobs on Kubernetes get it without roles, too."),
        ("PROJECT_NAME", "The name of the project. Jobs on Kubernetes get it without roles, too."),
    ],
    "What the command of `--notify` gets": [
        ("PROJ_RESULT", "`done`, `failed` or `interrupted`."),
        ("PROJ_EXIT_CODE", "The exit code of the run."),
        ("PROJ_SECONDS", "How long it took."),
        ("PROJ_TARGETS", "The targets, separated by spaces."),
    ],
}


def environment() -> str:
    """Return the page about environment variables."""
    parts = [generated("`tests/pages/environment.py`"), "# Environment variables", _ABOUT]
    for title, rows in READ.items():
        parts += [f"## {title}", _variables(rows)]
        if title.startswith("Credentials"):
            parts.append(_of_remotes())
    parts += ["## Settings of the dashboard", _of_dashboard()]
    for title, rows in SET.items():
        parts += [f"## {title}", _variables(rows)]
    return "\n\n".join(parts) + "\n"


def documented() -> set[str]:
    """Return the names of all variables on the page that have a fixed name."""
    return {name for rows in (*READ.values(), *SET.values()) for name, _ in rows if name.isascii() and "`" not in name}


def _variables(rows: Rows) -> str:
    return table(("variable", "what it does"), [(f"`{name.strip('`')}`", text) for name, text in rows])


def _of_remotes() -> str:
    words = ", ".join(f"`{word.upper()}`" for word in (*SETTINGS, *_CREDENTIALS))
    return (
        "`PROJ_REMOTE_<NAME>_<SETTING>` sets a setting of the remote NAME: `PROJ_REMOTE_LAB_TOKEN` is the token of "
        f"`lab`. The settings are {words}. With a `URL`, the variables alone define a remote: see "
        "[Connections](connections.md)."
    )


def _of_dashboard() -> str:
    rows = [(f"`{variable_of(key)}`", f"`{'.'.join(('serve', *key))}`") for key in KEYS]
    about = "`proj serve` reads each setting of config.yml from a variable, too: see [Serving the dashboard](serve.md)."
    return f"{about}\n\n{table(('variable', 'setting'), rows)}"
