import ArgumentParser
import Foundation
import Presentation

/// `bulkhead repo plan`.
struct RepoPlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Tell before publishing what hosts will download for an update.",
        discussion: """
            OLD and NEW are build folders of one variant. What 'repo publish' would make of NEW is made in a temporary
            folder (TMPDIR), and the update is done on files by the code that hosts run, in each way that they may. The
            root that comes out must be the new one. Nothing is published and no keys are needed.

            Bytes are those of the files, without the headers of HTTP. Of the unified kernel image those parts count
            that OLD's has not; the hash tree is computed on the host.

            Exit status: 0 every way leads to the new root; 1 not, or it could not be tried; 2 wrong usage.

            Examples:
              bulkhead repo plan build/vm-containerd-amd64-0.1.0 build/vm-containerd-amd64-0.2.0
              bulkhead repo plan --json OLD NEW
            """
    )

    @Argument(help: "The build folder that hosts run.")
    var old: String

    @Argument(help: "The build folder that they get.")
    var new: String

    @Flag(help: "Print everything as JSON.")
    var json = false

    func run() async throws {
        let status = StatusLine()
        defer { status.clear() }
        let scratch = FileManager.default.temporaryDirectory.appending(path: "bulkhead-plan-\(UUID())").path
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let (old, new) = (old, new)
        let report = try await Interruption.stopping("nothing was changed") {
            try await UpdateDryRun { status.show($0) }.run(old: old, new: new, scratch: scratch)
        }
        status.clear()
        json ? try Console.json(report) : show(report)
    }

    private func show(_ report: UpdateDryRun.Report) {
        print(
            """
            \(HumanText.safe(report.oldVersion)) to \(HumanText.safe(report.newVersion)): a root of \
            \(HumanText.size(report.rootSize)) in \(report.blocks) blocks, a kernel image of \
            \(HumanText.size(report.kernelSize))
            """
        )
        var table = TextTable([
            ("host", .left), ("means", .left), ("blocks", .right), ("parts", .right), ("root", .right),
            ("kernel", .right), ("both", .right),
        ])
        for download in report.downloads {
            table.add(
                download.host.rawValue,
                download.method,
                "\(download.blocks)",
                "\(download.parts)",
                HumanText.size(download.rootBytes),
                HumanText.size(download.kernelBytes),
                HumanText.size(download.rootBytes + download.kernelBytes)
            )
        }
        print(table.lines().joined(separator: "\n"))
        if report.packSize == nil {
            print("no pack: it would not be smaller than the whole root, or nothing changed")
        }
    }
}
