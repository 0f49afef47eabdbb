import BlockDevices
import BootEntries
import Foundation
import Hashing
import HostAPI
import HTTPFetch
import TestSupport
import Testing
import UpdateBlocks

@testable import UpdateEngine
@testable import UpdateFixtures
@testable import Updater

@Suite("Parts of the updater") struct UpdaterPartTests {
    private func read(_ text: String) throws -> UpdaterConfiguration {
        let folder = try TemporaryDirectory()
        try Data(text.utf8).write(to: URL(filePath: folder.file("updater.json")))
        return try UpdaterConfiguration(file: folder.file("updater.json"))
    }

    private static let addresses = """
        "metadata-base-url": "https://u.example/m", "targets-base-url": "https://u.example/t"
        """

    /// Puts up to 16 pieces of 256 KiB into a queue in front of a disk, and counts those that it took.
    private func put(on disk: any BlockDevice, until end: Int = 16, _ count: inout Int) async throws {
        let blocks = 16 * 64
        let sink = BlockSink(
            root: disk,
            blockCount: UInt64(blocks),
            missing: BlockSet(allBelow: blocks)
        ) { _ in }
        try await WriteQueue.run(to: sink) { queue in
            for piece in 0..<16 {
                guard piece < end else { throw CancellationError() }
                let bytes = [UInt8](repeating: UInt8(piece + 1), count: 64 * 4096)
                try await queue.put(bytes, at: UInt64(piece * 64))
                count += 1
            }
        }
    }

    private func offsets(_ disk: RecordedDisk) -> [UInt64] {
        disk.events.compactMap { if case .write(let offset, _) = $0 { offset } else { nil } }
    }

    @Test("What is put into the queue of writes is written in order before it ends, whoever ends it")
    func writeQueue() async throws {
        for end in [16, 5] {
            let disk = RecordedDisk(byteCount: 4 << 20)
            var count = 0
            do {
                try await put(on: disk, until: end, &count)
                #expect(end == 16)
            } catch is CancellationError {
                #expect(end == 5)
            }
            #expect(count == end && offsets(disk) == (0..<UInt64(end)).map { $0 * 64 * 4096 })
        }
    }

    @Test("A write that fails ends the queue: nothing is written after it, and little was taken")
    func writeQueueFails() async throws {
        let disk = RecordedDisk(byteCount: 4 << 20)
        var count = 0
        let error = await #expect(throws: SlotError.self) {
            try await put(on: FaultyDisk(disk, [.unwritable(at: 2 * 64 * 4096)]), &count)
        }
        guard case .disk(.blocks, .write)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(offsets(disk) == [0, 64 * 4096])
        #expect(count <= 4, "more than 512 KiB were waiting")
    }

    @Test("The rendered settings are read")
    func configuration() throws {
        let full = try read(
            """
            {\(Self.addresses), "seed": 12, "version-lock": "1.2.3", "ignore-waves": true,
             "https-proxy": "http://p:1", "no-proxy": ["a", "b"], "certificates": "/c.pem", "other": [1],
             "mirrors": ["https://m.example"], "bandwidth-limit": 4096}
            """
        )
        #expect(
            full
                == UpdaterConfiguration(
                    metadataURL: "https://u.example/m",
                    targetsURL: "https://u.example/t",
                    mirrors: ["https://m.example"],
                    bandwidth: 4096,
                    seed: 12,
                    versionLock: UAPIVersion("1.2.3"),
                    ignoresWaves: true,
                    proxy: "http://p:1",
                    noProxy: ["a", "b"],
                    authorities: "/c.pem"
                )
        )
        let least = UpdaterConfiguration(
            metadataURL: "https://u.example/m",
            targetsURL: "https://u.example/t",
            seed: 2047
        )
        #expect(try read("{\(Self.addresses)}") == least)
        #expect(
            try read(
                """
                {\(Self.addresses), "seed": null, "version-lock": "latest", "ignore-waves": null,
                 "https-proxy": "", "no-proxy": null, "certificates": "", "mirrors": null, "bandwidth-limit": null}
                """
            ) == least
        )
    }

    @Test(
        "Settings that can't be meant are named",
        arguments: [
            ("not JSON", "is not JSON"), ("[]", "object"), ("{}", "updates.metadata-base-url"),
            (#"{"metadata-base-url": "x"}"#, "updates.targets-base-url"),
            (#"{"metadata-base-url": ""}"#, "updates.metadata-base-url"),
            ("{\(addresses), \"seed\": 2048}", "2048"), ("{\(addresses), \"seed\": \"1\"}", "'seed'"),
            ("{\(addresses), \"ignore-waves\": \"yes\"}", "'ignore-waves'"),
            ("{\(addresses), \"version-lock\": 1}", "'version-lock'"),
            ("{\(addresses), \"no-proxy\": \"a\"}", "'no-proxy'"),
            ("{\(addresses), \"no-proxy\": [1]}", "'no-proxy'"),
            ("{\(addresses), \"mirrors\": [null]}", "'mirrors'"),
            ("{\(addresses), \"bandwidth-limit\": 0}", "'bandwidth-limit'"),
        ]
    )
    func badConfiguration(text: String, word: String) throws {
        let error = #expect(throws: UpdaterError.self) { try read(text) }
        guard case .configuration(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(word), "\(reason)")
    }

    @Test("A record is read as it was written; a damaged one is named")
    func record() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("record.json")
        #expect(try UpdateRecord.load(path) == UpdateRecord())
        try UpdateRecord().save(path)
        #expect(try UpdateRecord.load(path) == UpdateRecord())
        let hash = SHA256Digest(hashing: "x")
        let image = UpdateStatus.Image(arch: "amd64", version: "2", variant: "vm")
        var record = UpdateRecord()
        record.choice = .init(rootHash: hash, manifest: SHA256Digest(hashing: "y"))
        record.plan = .init(bytes: 12345, method: "pack")
        record.staged = .init(image: image, rootHash: hash, kernelSize: 77, kernel: hash)
        for number in 0..<20 {
            record.add(
                .init(
                    version: "\(number)",
                    rootHash: SHA256Digest(hashing: "\(number % 18)"),
                    reason: "it hung",
                    time: Timestamp(seconds: 1_800_000_000)
                )
            )
        }
        #expect(record.failures.count == 16 && record.failures.last?.version == "19")
        // Whose word was told last is not forgotten with the failure that it was about.
        let hash19 = SHA256Digest(hashing: "1")
        let time = Timestamp(seconds: 1_800_000_001)
        record.add(.init(version: "19", rootHash: hash19, reason: "it hung", time: time, bootID: "a"))
        record.add(.init(version: "19", rootHash: hash19, reason: "again", time: time))
        #expect(record.failures.last?.reason == "again" && record.failures.last?.bootID == "a")
        record.status = UpdateStatus(
            state: .staged,
            availableUpdates: ["2"],
            chosenUpdate: image,
            activePartition: nil,
            stagingPartition: .init(image: image, nextToBoot: false),
            mostRecentCommand: .init(
                kind: .prepare,
                status: .success,
                timestamp: Timestamp(seconds: 5),
                exitStatus: 0,
                stderr: nil
            )
        )
        try record.save(path)
        #expect(try UpdateRecord.load(path) == record)
        let bytes = try Data(contentsOf: URL(filePath: path))
        for damaged in [Data(), bytes.prefix(bytes.count / 2), Data("{}".utf8), Data("[1]".utf8)] {
            try damaged.write(to: URL(filePath: path))
            let error = #expect(throws: UpdaterError.self) { try UpdateRecord.load(path) }
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test("A record can be read again, however much others wrote into it")
    func boundedRecord() async throws {
        let place = try TemporaryDirectory()
        let path = place.file("record.json")
        var record = UpdateRecord()
        for number in 0..<16 {
            record.add(
                .init(
                    version: "\(number)",
                    rootHash: SHA256Digest(hashing: "\(number)"),
                    reason: String(repeating: "\u{1}", count: 100_000),
                    time: Timestamp(seconds: 1_800_000_000)
                )
            )
        }
        try record.save(path)
        #expect(try UpdateRecord.load(path) == record)
        let reasons = record.failures.map(\.reason)
        #expect(reasons.allSatisfy { $0.utf8.count <= 4096 && $0.contains("cut, of 100000") })
        // What a command says of itself is a part of it, too.
        let host = try TestHost(try await Site())
        host.change { $0.configuration.metadataURL = String(repeating: "x", count: 2 << 20) }
        let updater = try host.updater()
        await #expect(throws: UpdaterError.self) { try await updater.refresh() }
        let said = try #require(await updater.status?.mostRecentCommand.stderr)
        #expect(said.utf8.count <= 4096)
        #expect(try await host.updater().record == updater.record)
    }

    @Test(
        "The beginning of a long file comes in order, also where only all of it can be had",
        arguments: [true, false]
    )
    func longFile(hasRanges: Bool) async throws {
        let folder = try TemporaryDirectory()
        let size = 20 << 20
        try Data(count: size).write(to: URL(filePath: folder.file("file")))
        let server = try MeteredServer(folder.path, hasRanges: hasRanges)
        let file = ArtefactFile(
            file: try HTTPFetcher().file(urls: [server.url + "/file"], size: UInt64(size)),
            warn: { Issue.record("\($0)") }
        )
        let end = UInt64(size) - 12_345
        var position: UInt64 = 0
        var isRight = true
        try await file.read([0..<end]) { piece in
            isRight = isRight && piece.offset == position
            position += UInt64(piece.bytes.count)
        }
        #expect(isRight && position == end)
    }
}
