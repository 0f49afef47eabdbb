"""A gRPC server of another hand, without generated code: the methods are named below, messages are bytes."""
import collections
import sys
import threading
import time
from concurrent import futures

import grpc

path = sys.argv[1]
# Of each test, which names itself in the metadata.
begun = collections.Counter()
ended = collections.Counter()
sent = {}
lock = threading.Lock()


def test(context):
    return dict(context.invocation_metadata()).get("test")


def count(context):
    """Counts the call, now and at its end."""

    def end():
        with lock:
            ended[test(context)] += 1

    context.add_callback(end)
    with lock:
        begun[test(context)] += 1


def echo(request, context):
    return request


def status(request, context):
    """`CODE HEAD MESSAGE`: ends with a status, after header fields of its own if HEAD is 1."""
    code, head, message = request.decode().split(" ", 2)
    if head == "1":
        context.send_initial_metadata((("x-test", "1"),))
    context.abort([c for c in grpc.StatusCode if c.value[0] == int(code)][0], message)


def late_status(request, context):
    """A stream of two messages, then an error."""
    yield b"one"
    yield b"two"
    context.abort(grpc.StatusCode.DATA_LOSS, "lost")


def never(request, context):
    done = threading.Event()
    context.add_callback(done.set)
    count(context)
    done.wait()
    return b""


def big(request, context):
    return bytes(range(256)) * (int(request) // 256)


def facts(request, context):
    fields = sorted(f"{k}={v}" for k, v in context.invocation_metadata())
    return "\n".join(fields + [f"remaining={context.time_remaining()}"]).encode()


def bidi(requests, context):
    yield from requests


def flood(request, context):
    """`COUNT SIZE`: as many messages as fast as they are taken."""
    messages, size = map(int, request.split())
    for index in range(messages):
        yield index.to_bytes(4, "big") + bytes(size - 4)
        sent[test(context)] = index + 1


def total(requests, context):
    messages = length = 0
    for request in requests:
        messages += 1
        length += len(request)
    return f"{messages} {length}".encode()


def deaf(requests, context):
    """Takes the first message and no other."""
    next(requests)
    count(context)
    yield b"begun"
    while context.is_active():
        time.sleep(0.01)


def early(requests, context):
    next(requests)
    context.abort(grpc.StatusCode.NOT_FOUND, "early")


def early_ok(requests, context):
    next(requests)
    yield b"bye"


def events(request, context):
    """Something, and no end."""
    count(context)
    yield b"event"
    while context.is_active():
        time.sleep(0.01)


def numbers(request, context):
    name = test(context)
    return f"{begun[name]} {ended[name]} {sent.get(name, 0)}".encode()


def stop(request, context):
    """Ends like a service: no new calls, time for those that are open."""
    threading.Thread(target=lambda: server.stop(60)).start()
    return b""


unary = {"Echo": echo, "Status": status, "Never": never, "Big": big, "Facts": facts, "Numbers": numbers, "Stop": stop}
handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in unary.items()}
for method in (late_status, flood, events):
    handlers[method.__name__] = grpc.unary_stream_rpc_method_handler(method)
for method in (bidi, deaf, early, early_ok):
    handlers[method.__name__] = grpc.stream_stream_rpc_method_handler(method)
handlers["total"] = grpc.stream_unary_rpc_method_handler(total)

server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=64),
    options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.T", handlers),))
server.add_insecure_port("unix:" + path)
server.start()
with open(path + ".ready", "w"):
    pass
server.wait_for_termination()
