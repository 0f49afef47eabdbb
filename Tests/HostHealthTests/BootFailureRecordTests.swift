import Foundation
import TestSupport
import Testing

@testable import HostHealth

@Suite struct BootFailureRecordTests {
    private let sample = BootFailureRecord(
        version: "0.2.0",
        entry: "/EFI/Linux/vm_0.2.0+2-1.efi",
        bootID: "6a1d6d2e-9f2f-4ea3-a6f4-0f1d3f1f8f6b",
        time: 1_767_225_600,
        uptime: 38,
        reasons: [
            .init(.check, "containerd", "no answer from /run/containerd/containerd.sock in time"),
            .init(.unit, "containerd.service", "failed with the result 'exit-code'"),
        ]
    )

    /// A host with a state partition and files.
    private func host(_ files: [String: Data] = [:]) throws -> (HostFiles, TemporaryDirectory) {
        let directory = try TemporaryDirectory()
        for (path, content) in files.merging(["/state/x": Data()], uniquingKeysWith: { a, _ in a }) {
            let url = directory.url.appending(path: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try content.write(to: url)
        }
        return (HostFiles(root: directory.path), directory)
    }

    @Test func isKeptReplacedAndForgotten() throws {
        let (host, directory) = try host()
        #expect(try BootFailureRecord.load(from: host) == nil)
        try sample.save(on: host)
        #expect(try BootFailureRecord.load(from: host) == sample)
        let later = BootFailureRecord(
            version: "0.3.0",
            entry: nil,
            bootID: "b",
            time: 2,
            uptime: 1,
            reasons: []
        )
        // What a cut of the power left of an earlier write is no hindrance.
        try Data("half".utf8).write(to: directory.url.appending(path: "state/updates/boot-failure.json.new"))
        try later.save(on: host)
        #expect(try BootFailureRecord.load(from: host) == later)
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.file("state/updates"))
        #expect(names == ["boot-failure.json"])
        try BootFailureRecord.remove(from: host)
        try BootFailureRecord.remove(from: host)
        #expect(try BootFailureRecord.load(from: host) == nil)
    }

    @Test func isPlainJSON() throws {
        let (host, directory) = try host()
        try sample.save(on: host)
        let data = try Data(contentsOf: directory.url.appending(path: BootFailureRecord.path))
        let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(json["version"] as? String == "0.2.0")
        #expect(json["entry"] as? String == "/EFI/Linux/vm_0.2.0+2-1.efi")
        #expect(json["time"] as? Int == 1_767_225_600)
        let kinds = (json["reasons"] as? [[String: String]])?.map { $0["kind"] }
        #expect(kinds == ["check", "unit"])
    }

    @Test func saysWhatFailedAndWhere() {
        #expect(
            sample.lines == [
                "version 0.2.0 failed its trial at 2026-01-01T00:00:00Z, 38 s after its start, "
                    + "boot entry /EFI/Linux/vm_0.2.0+2-1.efi",
                "  check containerd: no answer from /run/containerd/containerd.sock in time",
                "  unit containerd.service: failed with the result 'exit-code'",
                "  its journal: journalctl --boot=6a1d6d2e-9f2f-4ea3-a6f4-0f1d3f1f8f6b",
            ]
        )
    }

    @Test(arguments: [
        "", "{", "[]", "{\"formatVersion\":2}",
        "{\"formatVersion\":1,\"version\":\"1\",\"bootID\":\"b\",\"time\":0,\"uptime\":0}",
        "{\"formatVersion\":1,\"version\":1,\"bootID\":\"b\",\"time\":0,\"uptime\":0,\"reasons\":[]}",
        "{\"formatVersion\":1,\"version\":\"1\",\"bootID\":\"b\",\"time\":0,\"uptime\":0,\"reasons\":[{}]}",
    ])
    func damagedRecordsAreNamed(_ text: String) throws {
        let (host, directory) = try host([BootFailureRecord.path: Data(text.utf8)])
        defer { withExtendedLifetime(directory) {} }
        let error = #expect(throws: BootFailureRecordError.self) {
            try BootFailureRecord.load(from: host)
        }
        #expect(error?.description.hasSuffix("remove it") == true)
    }

    @Test func whatIsReadIsBounded() throws {
        let (large, first) = try host([BootFailureRecord.path: Data(count: 1 << 20)])
        #expect(throws: BootFailureRecordError.tooLarge(path: first.file("state/updates/boot-failure.json")))
        {
            try BootFailureRecord.load(from: large)
        }
        let (fifo, second) = try host(["/state/updates/x": Data()])
        #expect(mkfifo(second.file("state/updates/boot-failure.json"), 0o600) == 0)
        #expect(throws: BootFailureRecordError.self) { try BootFailureRecord.load(from: fifo) }
        // A time that no calendar has.
        let far = BootFailureRecord(version: "1", entry: nil, bootID: "b", time: .max, uptime: 0, reasons: [])
        #expect(far.lines.first?.contains("second 9223372036854775807") == true)
    }

    @Test func whatIsWrittenIsBounded() throws {
        let long = String(repeating: "éx\n", count: 1000)
        let record = BootFailureRecord(
            version: long,
            entry: long,
            bootID: long,
            time: 0,
            uptime: 0,
            reasons: (0..<40).map { _ in .init(.unit, long, long) }
        )
        #expect(record.reasons.count == BootFailureRecord.maximumReasons)
        #expect(record.lines.allSatisfy { $0.utf8.count < 2000 && !$0.contains("\n") })
        let (host, directory) = try host()
        defer { withExtendedLifetime(directory) {} }
        try record.save(on: host)
        #expect(try BootFailureRecord.load(from: host) == record)
    }

    @Test func withoutStatePartitionItSaysSo() throws {
        let directory = try TemporaryDirectory()
        let error = #expect(throws: BootFailureRecordError.self) {
            try sample.save(on: HostFiles(root: directory.path))
        }
        #expect(error?.description.contains("could not make the folder") == true)
    }

    @Test func reasonsComeFromChecksAndUnits() throws {
        let report = HealthReport(
            running: [
                HealthCheck("state") { _ in .healthy("ext4") },
                HealthCheck("containerd") { _ in .unhealthy("no answer") },
            ],
            on: HostFiles()
        )
        let name = "\\EFI\\Linux\\vm_0.2.0+2-1.efi"
        let variable =
            Data([6, 0, 0, 0]) + name.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] } + [0, 0]
        let (host, directory) = try host([
            HealthReport.path: Data(report.json.utf8),
            "/usr/lib/os-release": Data("ID=bulkhead\nVERSION_ID=\"0.2.0\"\n".utf8),
            "/proc/sys/kernel/random/boot_id": Data("abc\n".utf8),
            "/proc/uptime": Data("38.21 12.00\n".utf8),
            "/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f": variable,
        ])
        defer { withExtendedLifetime(directory) {} }
        var units = BootFailureRecord.Units()
        units.failed = [
            ("containerd.service", "exit-code"), ("data.mount", ""), ("bulkhead-trial-failed.service", ""),
        ]
        units.starting = ["slow.service", "bulkhead-trial-failed.service"]
        let record = BootFailureRecord.current(on: host, time: 5, units)
        #expect(
            record
                == BootFailureRecord(
                    version: "0.2.0",
                    entry: "/EFI/Linux/vm_0.2.0+2-1.efi",
                    bootID: "abc",
                    time: 5,
                    uptime: 38,
                    reasons: [
                        .init(.check, "containerd", "no answer"),
                        .init(.unit, "containerd.service", "failed with the result 'exit-code'"),
                        .init(.unit, "data.mount", "failed"),
                    ]
                )
        )
    }

    @Test func thereIsAlwaysAReason() throws {
        let (host, directory) = try host()
        defer { withExtendedLifetime(directory) {} }
        var units = BootFailureRecord.Units()
        #expect(BootFailureRecord.current(on: host, time: 5, units).reasons.map(\.kind) == [.deadline])
        units.starting = ["slow.service", "bulkhead-trial-failed.service"]
        #expect(BootFailureRecord.current(on: host, time: 5, units).reasons.map(\.name) == ["slow.service"])
        units.fault = "no bus"
        let record = BootFailureRecord.current(on: host, time: 5, units)
        #expect(record.reasons == [.init(.manager, "systemd", "no bus")])
        #expect(record.version == "unknown" && record.entry == nil)
    }
}
