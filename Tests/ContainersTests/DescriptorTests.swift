@testable import Containers
import Foundation
import Hashing
import JSON
import Protobuf
import TestSupport
import Testing

/// Our messages against the descriptors that lie in the locked containerd's binary, read by Python's protobuf: a version
/// that has other fields is seen here first.
@Suite(
    .enabled(if: Containerd.isAvailable, Comment(rawValue: Containerd.skipReason)),
    .enabled(
        if: Descriptors.python != nil,
        "SKIPPED: python module google.protobuf is neither in $BULKHEAD_VENV nor in the system"
    )
)
struct DescriptorTests {
    @Test func containerdReadsOurRequests() throws {
        let any = ProtobufAny(typeURL: "t", value: [1, 2])
        let anyValue: JSONValue = ["type_url": "t", "value": "0102"]
        let mount = WireMount(type: "overlay", source: "s", target: "/t", options: ["ro", ""])
        let mountValue: JSONValue = [
            "type": "overlay", "source": "s", "target": "/t", "options": ["ro", ""],
        ]
        var platform = WirePlatform()
        (platform.os, platform.architecture, platform.variant) = ("linux", "arm64", "v8")
        let platformValue: JSONValue = ["os": "linux", "architecture": "arm64", "variant": "v8"]
        let streams = StreamPaths(stdin: "i", stdout: "o", stderr: "e")
        let terminal = StreamPaths(stdin: "i", stdout: "o", stderr: "e", terminal: true)
        let container = ContainerRecords.Container(
            id: "c",
            labels: ["a": "b", "c": ""],
            image: "i",
            runtime: ContainerRecords.Runtime(name: "r", options: any),
            spec: any,
            snapshotter: "s",
            snapshotKey: "k"
        )
        let containerValue: JSONValue = [
            "id": "c", "labels": ["a": "b", "c": ""], "image": "i",
            "runtime": ["name": "r", "options": anyValue],
            "spec": anyValue, "snapshotter": "s", "snapshot_key": "k",
        ]
        let process = Tasks.ProcessRequest(container: "c", exec: "e")
        let processValue: JSONValue = ["container_id": "c", "exec_id": "e"]
        try expect([
            (
                "services.namespaces.v1.CreateNamespaceRequest", Namespaces.CreateRequest(name: "n"),
                ["namespace": ["name": "n"]]
            ),
            (
                "services.leases.v1.CreateRequest", Leases.CreateRequest(id: "l", labels: ["a": "b"]),
                ["id": "l", "labels": ["a": "b"]]
            ),
            (
                "services.leases.v1.DeleteRequest", Leases.DeleteRequest(id: "l", sync: true),
                ["id": "l", "sync": true]
            ),
            ("services.images.v1.GetImageRequest", NamedRequest(name: "n"), ["name": "n"]),
            (
                "services.images.v1.DeleteImageRequest", Images.DeleteRequest(name: "n", sync: true),
                ["name": "n", "sync": true]
            ),
            (
                "services.content.v1.ReadContentRequest", Contents.ReadRequest(digest: "d", size: 7),
                ["digest": "d", "size": 7]
            ),
            (
                "services.snapshots.v1.PrepareSnapshotRequest",
                Snapshots.PrepareRequest(snapshotter: "s", key: "k", parent: "p"),
                ["snapshotter": "s", "key": "k", "parent": "p"]
            ),
            (
                "services.snapshots.v1.MountsRequest", Snapshots.KeyRequest(snapshotter: "s", key: "k"),
                ["snapshotter": "s", "key": "k"]
            ),
            (
                "services.snapshots.v1.RemoveSnapshotRequest",
                Snapshots.KeyRequest(snapshotter: "s", key: "k"), ["snapshotter": "s", "key": "k"]
            ),
            (
                "services.snapshots.v1.ListSnapshotsRequest", Snapshots.SnapshotterRequest(snapshotter: "s"),
                ["snapshotter": "s"]
            ),
            (
                "services.containers.v1.CreateContainerRequest",
                ContainerRecords.CreateRequest(container: container), ["container": containerValue]
            ),
            ("services.containers.v1.GetContainerRequest", NamedRequest(name: "c"), ["id": "c"]),
            ("services.containers.v1.DeleteContainerRequest", NamedRequest(name: "c"), ["id": "c"]),
            (
                "services.tasks.v1.CreateTaskRequest",
                Tasks.CreateRequest(container: "c", rootfs: [mount, mount], streams: streams, options: any),
                [
                    "container_id": "c", "rootfs": [mountValue, mountValue], "stdin": "i", "stdout": "o",
                    "stderr": "e", "options": anyValue,
                ]
            ),
            (
                "services.tasks.v1.ExecProcessRequest",
                Tasks.ExecRequest(container: "c", streams: terminal, spec: any, exec: "e"),
                [
                    "container_id": "c", "stdin": "i", "stdout": "o", "terminal": true, "spec": anyValue,
                    "exec_id": "e",
                ]
            ),
            ("services.tasks.v1.StartRequest", process, processValue),
            ("services.tasks.v1.GetRequest", process, processValue),
            ("services.tasks.v1.WaitRequest", process, processValue),
            ("services.tasks.v1.DeleteProcessRequest", process, processValue),
            ("services.tasks.v1.DeleteTaskRequest", NamedRequest(name: "c"), ["container_id": "c"]),
            (
                "services.tasks.v1.KillRequest",
                Tasks.KillRequest(container: "c", exec: "e", signal: 15, all: true),
                ["container_id": "c", "exec_id": "e", "signal": 15, "all": true]
            ),
            (
                "services.tasks.v1.ResizePtyRequest",
                Tasks.ResizeRequest(container: "c", exec: "e", columns: 80, rows: 24),
                ["container_id": "c", "exec_id": "e", "width": 80, "height": 24]
            ),
            (
                "services.tasks.v1.CloseIORequest", Tasks.CloseInputRequest(container: "c", exec: "e"),
                ["container_id": "c", "exec_id": "e", "stdin": true]
            ),
            (
                "services.transfer.v1.TransferRequest",
                Transfers.TransferRequest(source: any, destination: any, progressStream: "p"),
                ["source": anyValue, "destination": anyValue, "options": ["progress_stream": "p"]]
            ),
            ("services.streaming.v1.StreamInit", Transfers.StreamInit(id: "s"), ["id": "s"]),
            ("types.transfer.ImageImportStream", Transfers.ImageImportStream(stream: "s"), ["stream": "s"]),
            (
                "types.transfer.ImageStore",
                Transfers.ImageStore(name: "n", platform: platform, snapshotter: "s"),
                [
                    "name": "n", "platforms": [platformValue],
                    "unpacks": [["platform": platformValue, "snapshotter": "s"]],
                ]
            ),
            ("types.transfer.Data", Transfers.Data(data: [255]), ["data": "ff"]),
            (
                "runc.v1.Options", RuncOptions(binaryName: "crun", root: "/r"),
                ["binary_name": "crun", "root": "/r"]
            ),
        ])
    }

    private func expect(_ cases: [(type: String, message: any ProtobufMessage, value: JSONValue)]) throws {
        let asked = cases.map { "decode containerd.\($0.type) \(Hex.encode($0.message.serialized))" }
        for (answer, (type, _, value)) in zip(try Descriptors.ask(asked), cases) {
            #expect(answer == value.description, "\(type)")
        }
    }

    @Test func weReadWhatContainerdAnswers() throws {
        let time: JSONValue = ["seconds": 5, "nanos": 6]
        let target: JSONValue = ["media_type": "m", "digest": "d", "size": 9, "annotations": ["a": "b"]]
        let any: JSONValue = ["type_url": "t", "value": "0102"]
        let mount: JSONValue = ["type": "overlay", "source": "s", "target": "/t", "options": ["ro"]]
        let process: JSONValue = [
            "container_id": "c", "id": "i", "pid": 7, "status": 3, "stdin": "x", "exit_status": 9,
            "exited_at": time,
        ]
        let container: JSONValue = [
            "id": "c", "labels": ["a": "b"], "image": "i", "runtime": ["name": "r", "options": any],
            "spec": any,
            "snapshotter": "s", "snapshot_key": "k", "created_at": time,
        ]
        let stamp = ProtobufTimestamp(seconds: 5, nanos: 6)
        let anyRead = ProtobufAny(typeURL: "t", value: [1, 2])
        let containerRead = ContainerRecords.Container(
            id: "c",
            labels: ["a": "b"],
            image: "i",
            runtime: ContainerRecords.Runtime(name: "r", options: anyRead),
            spec: anyRead,
            snapshotter: "s",
            snapshotKey: "k"
        )
        let processRead = Tasks.Process(
            container: "c",
            id: "i",
            pid: 7,
            status: 3,
            exitStatus: 9,
            exitedAt: stamp
        )
        let image = Images.Image(
            name: "n",
            labels: ["a": "b"],
            target: WireDescriptor(mediaType: "m", digest: "d", size: 9, annotations: ["a": "b"])
        )
        let mountRead = WireMount(type: "overlay", source: "s", target: "/t", options: ["ro"])
        let lease = Leases.Lease(id: "l", labels: ["a": "b"])
        try read(
            "services.version.v1.VersionResponse",
            ["version": "v", "revision": "r"],
            Versions.Answer(version: "v")
        )
        try read(
            "services.images.v1.GetImageResponse",
            ["image": ["name": "n", "labels": ["a": "b"], "target": target, "updated_at": time]],
            Images.ImageAnswer(image: image)
        )
        try read(
            "services.leases.v1.ListResponse",
            ["leases": [["id": "l", "created_at": time, "labels": ["a": "b"]]]],
            Leases.ListAnswer(leases: [lease])
        )
        try read(
            "services.content.v1.ReadContentResponse",
            ["offset": 4, "data": "00ff"],
            Contents.ReadAnswer(data: [0, 255])
        )
        try read(
            "services.snapshots.v1.MountsResponse",
            ["mounts": [mount, mount]],
            Snapshots.MountsAnswer(mounts: [mountRead, mountRead])
        )
        try read(
            "services.snapshots.v1.PrepareSnapshotResponse",
            ["mounts": [mount]],
            Snapshots.MountsAnswer(mounts: [mountRead])
        )
        try read(
            "services.snapshots.v1.ListSnapshotsResponse",
            ["info": [["name": "n", "parent": "p", "kind": 2]]],
            Snapshots.ListAnswer(snapshots: [Snapshots.Info(name: "n", kind: Snapshots.Info.active)])
        )
        try read(
            "services.containers.v1.GetContainerResponse",
            ["container": container],
            ContainerRecords.ContainerAnswer(container: containerRead)
        )
        try read(
            "services.containers.v1.ListContainersResponse",
            ["containers": [container]],
            ContainerRecords.ListAnswer(containers: [containerRead])
        )
        try read(
            "services.tasks.v1.CreateTaskResponse",
            ["container_id": "c", "pid": 7],
            Tasks.PidAnswer(pid: 7)
        )
        try read("services.tasks.v1.StartResponse", ["pid": 7], Tasks.StartAnswer(pid: 7))
        try read("services.tasks.v1.GetResponse", ["process": process], Tasks.GetAnswer(process: processRead))
        try read(
            "services.tasks.v1.ListTasksResponse",
            ["tasks": [process]],
            Tasks.ListAnswer(tasks: [processRead])
        )
        try read(
            "services.tasks.v1.WaitResponse",
            ["exit_status": 9, "exited_at": time],
            Tasks.WaitAnswer(exitStatus: 9, exitedAt: stamp)
        )
        try read(
            "services.tasks.v1.DeleteResponse",
            ["id": "i", "pid": 7, "exit_status": 9, "exited_at": time],
            Tasks.DeleteAnswer(exitStatus: 9, exitedAt: stamp)
        )
        try read("types.transfer.WindowUpdate", ["update": 65536], Transfers.WindowUpdate(update: 65536))
        try read(
            "types.transfer.Progress",
            ["event": "e", "name": "n", "parents": ["p"], "progress": 1, "total": 2],
            Transfers.Progress(event: "e", name: "n", progress: 1, total: 2)
        )
    }

    private func read<Message: ProtobufMessage>(_ type: String, _ value: JSONValue, _ expected: Message)
        throws
    {
        let answer = try #require(try Descriptors.ask(["encode containerd.\(type) \(value)"]).first)
        let bytes = try #require(Hex.decode(answer), "\(answer)")
        #expect(try Message(serialized: bytes) == expected, "\(type)")
    }
}
