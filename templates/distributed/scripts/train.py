"""Fit y = 3x - 1 by gradient descent over several processes."""

import json
import os
import random
import socket
import sys
import time

HOST, PORT = os.environ["PS_NODES"].split(":")
WORKERS = len(os.environ["WORKER_NODES"].split(","))
INDEX = int(os.environ["REPLICA_INDEX"])
ROUNDS, RATE = int(sys.argv[2]), 0.5


def serve():
    """Send the weights to all workers, add up their gradients, and so on."""
    with socket.create_server(("", int(PORT))) as server:
        workers = [server.accept()[0].makefile("rw") for _ in range(WORKERS)]
    weight = bias = 0.0
    for _ in range(ROUNDS + 1):
        for worker in workers:
            print(json.dumps([weight, bias]), file=worker, flush=True)
        gradients = sorted(json.loads(worker.readline()) for worker in workers)  # in the order of the workers
        weight -= RATE * sum(one for _, one, _ in gradients) / WORKERS
        bias -= RATE * sum(one for _, _, one in gradients) / WORKERS


def work():
    """Compute the gradient over every WORKERS-th row of the data."""
    numbers = random.Random(7)
    rows = [(x, 3 * x - 1 + numbers.gauss(0, 0.01)) for x in (numbers.random() for _ in range(1000))][INDEX::WORKERS]
    server = connect().makefile("rw")
    for step in range(ROUNDS + 1):
        weight, bias = json.loads(server.readline())
        errors = [(weight * x + bias - y, x) for x, y in rows]
        if step % 50 == 0:
            print(f"round {step}: loss {sum(error**2 for error, _ in errors) / len(rows):.4f}")
        gradient = [sum(error * x for error, x in errors) / len(rows), sum(error for error, _ in errors) / len(rows)]
        print(json.dumps([INDEX, *gradient]), file=server, flush=True)
    if INDEX == 0:
        with open("model.json", "w") as file:
            print(json.dumps({"weight": round(weight, 2), "bias": round(bias, 2)}), file=file)


def connect():
    """Wait until the parameter server listens."""
    for _ in range(600):
        try:
            return socket.create_connection((HOST, int(PORT)))
        except OSError:
            time.sleep(0.05)
    sys.exit("the parameter server does not listen")


serve() if sys.argv[1] == "ps" else work()
