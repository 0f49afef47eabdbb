import Foundation
import HostAPI
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import HostContainers

/// Lines that somebody logged.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

/// A host below a temporary folder, with a real containerd and an image of the OS.
struct Station {
    let containerd: Containerd
    let folder: TemporaryDirectory
    let paths: HostContainerPaths
    /// The digest of the image's manifest.
    let manifest: String
    /// The image's name: each test has one of its own in the namespace that all share.
    let image = "busy" + UUID().uuidString.prefix(8).lowercased()
    let id = "t" + UUID().uuidString.prefix(8).lowercased()

    init() throws {
        containerd = try Containerd.shared
        folder = try TemporaryDirectory()
        paths = HostContainerPaths(root: folder.path)
        let archive = try ContainerArchive()
        manifest = archive.manifest
        for path in [
            "run/bulkhead", "run/host-containerd", "var/lib", "usr/share/bulkhead/containers/busy",
        ] {
            try FileManager.default.createDirectory(
                atPath: folder.file(path),
                withIntermediateDirectories: true
            )
        }
        try FileManager.default.createSymbolicLink(
            atPath: paths.socket,
            withDestinationPath: containerd.socket
        )
        // An OCI archive is the tar of a layout.
        try Data(archive.bytes).write(to: folder.url.appending(path: "busy.tar"))
        let layout = folder.file("usr/share/bulkhead/containers/busy")
        let (status, output) = try runTool("tar", "-xf", folder.file("busy.tar"), "-C", layout)
        try #require(status == 0, "\(output)")
        try writeIndex(digest: manifest)
    }

    func writeIndex(digest: String) throws {
        let index = """
            {"containers": [{"name": "busy", "reference": "localhost/\(image)", "digest": "\(digest)", "size": 1}]}
            """
        try Data(index.utf8).write(
            to: folder.url.appending(path: "usr/share/bulkhead/containers/index.json")
        )
    }

    /// A supervisor of a container that settings define.
    func supervisor(
        _ command: String...,
        kind: HostContainerStatus.Kind = .host,
        superpowered: Bool = false,
        source: String? = nil,
        userData: String? = nil,
        builder: ContainerSpecBuilder = ContainerSpecBuilder(),
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> ContainerSupervisor {
        let definition = HostContainerDefinition(
            kind: kind,
            name: id,
            source: source ?? "localhost/\(image)",
            desired: kind == .host ? .running : .always,
            isSuperpowered: superpowered,
            command: command
        )
        try files.write(
            DefinedContainer(definition: definition, userData: userData.map { Array($0.utf8) })
        )
        return ContainerSupervisor(
            id: definition.id,
            paths: paths,
            builder: builder,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            log: log
        )
    }

    var files: ContainerFiles { ContainerFiles(paths: paths) }
    var storage: String { "\(paths.hostStorage)/\(id)" }

    func stored(_ name: String) -> String? {
        try? String(contentsOfFile: "\(storage)/\(name)", encoding: .utf8)
    }

    func status(_ kind: HostContainerStatus.Kind = .host) throws -> HostContainerStatus {
        try #require(files.status(HostContainerStatus.id(of: id, kind)))
    }

    /// Waits until a container runs and has written a file.
    func wait(for name: String) async throws {
        for _ in 0..<400 {
            if stored(name) != nil, try status().state == .running { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("no \(name) in \(storage); the container is \((try? status()).debugDescription)")
    }

    func expectNothingLeft() throws {
        for words in [["c", "ls", "-q"], ["t", "ls", "-q"], ["snapshots", "ls"]] {
            let (status, output) = try containerd.ctr(
                "host",
                words[0],
                words[1],
                words.count > 2 ? words[2] : ""
            )
            #expect(status == 0 && !output.contains(id), "\(words): \(output)")
        }
        for name in ["stdout", "stderr"] {
            #expect(!FileManager.default.fileExists(atPath: "\(paths.folder(id))/\(name)"))
        }
    }
}
