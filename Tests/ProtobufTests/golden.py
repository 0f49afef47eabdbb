"""Compiles golden.proto (the first argument); `write SEED COUNT` prints random messages in base64, and
`compare FILE` reads pairs of them: what was written here, and what the other side made of it."""
import base64
import importlib.util
import random
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    proto = sys.argv[1]
    at = proto.rindex("/")
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto[:at]}", f"--python_out={folder}", proto]
    subprocess.run(command, check=True)
    spec = importlib.util.spec_from_file_location("golden_pb2", f"{folder}/golden_pb2.py")
    golden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(golden)


def text(r):
    return "".join(r.choice("abc é🚢\0") for _ in range(r.choice([0, 1, 3, 200])))


def number(r, low, high):
    return r.choice([0, 1, low, high, r.randint(low, high), r.randint(-1 if low else 0, 300)])


def fill(m, r, depth):
    m.text = text(r)
    m.data = r.randbytes(r.choice([0, 1, 127, 128, 300]))
    m.small = number(r, -2**31, 2**31 - 1)
    m.large = number(r, -2**63, 2**63 - 1)
    m.usmall = number(r, 0, 2**32 - 1)
    m.ularge = number(r, 0, 2**64 - 1)
    m.flag = r.random() < 0.5
    m.kind = r.choice([0, 1, 2])
    m.texts.extend(text(r) for _ in range(r.randint(0, 3)))
    for _ in range(r.randint(0, 3)):
        m.labels[text(r)] = text(r)
    m.far = text(r)
    m.fixed = r.choice([0, 7])
    m.fixed_small = r.choice([0, 7])
    if depth < 3:
        if r.random() < 0.6:
            fill(m.inner, r, depth + 1)
        for _ in range(r.randint(0, 2)):
            fill(m.inners.add(), r, depth + 1)
    if r.random() < 0.5:
        m.time.seconds = number(r, -2**63, 2**63 - 1)
        m.time.nanos = r.choice([0, 1, 999_999_999, -5])
    if r.random() < 0.5:
        m.any.type_url = "golden.Message"
        m.any.value = golden.Message(text=text(r)).SerializeToString(deterministic=True)
    if r.random() < 0.5:
        m.nothing.SetInParent()


if sys.argv[2] == "write":
    r = random.Random(int(sys.argv[3]))
    for _ in range(int(sys.argv[4])):
        m = golden.Message()
        fill(m, r, 0)
        print(base64.b64encode(m.SerializeToString(deterministic=True)).decode())
else:
    # What is read and written again must mean the same, but for fields that the other side does not know.
    for line in open(sys.argv[3]):
        before, after = line.rstrip("\n").split(" ")
        m = golden.Message.FromString(base64.b64decode(before))

        def forget(m):
            m.fixed = 0
            m.fixed_small = 0
            for inner in list(m.inners) + ([m.inner] if m.HasField("inner") else []):
                forget(inner)

        forget(m)
        other = golden.Message.FromString(base64.b64decode(after))
        assert m == other, (m, other)
        # Not the same bytes: C++ sorts the keys of maps in an order of its own.
        assert len(other.SerializeToString()) == len(base64.b64decode(after)), (m, after)
    print("same")
