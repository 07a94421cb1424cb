// A real OpenID provider on loopback for tests: node oidc_provider.mjs MODULES SETTINGS
// SETTINGS is JSON: {port, redirects, accounts: {name: claims}}. Its login form takes a name and any password.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import path from "node:path";

const [modules, settingsFile] = process.argv.slice(2);
const require = createRequire(path.join(modules, "package.json"));
const entry = require.resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(entry));
const settings = JSON.parse(readFileSync(settingsFile, "utf-8"));

const provider = new Provider(`http://127.0.0.1:${settings.port}`, {
  clients: [
    {
      client_id: "proj",
      client_secret: settings.secret,
      redirect_uris: settings.redirects,
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["groups"] },
  findAccount: (_context, id) =>
    settings.accounts[id] && { accountId: id, claims: () => ({ sub: id, ...settings.accounts[id] }) },
  cookies: { keys: ["keys-of-tests"] },
});
provider.on("server_error", (_context, error) => console.error(error));
provider.listen(settings.port, "127.0.0.1");
