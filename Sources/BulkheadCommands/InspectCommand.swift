import ArgumentParser
import Dispatch
import Foundation
import ImageInspection
import Synchronization

/// `bulkhead inspect`: what an image is made of, and what is wrong with it.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract:
            "Show what a disk image or build folder is made of, and name everything that is wrong with it.",
        discussion: """
            PATH is a build folder, a raw disk image (sectors of 512 or 4096 bytes), a unified kernel image or a
            root.erofs. Shown are partitions, boot loader, boot entries and their counters, os-release, kernel
            command line, root hash, hash tree and packages. Everything is checked: checksums, release.json, both
            copies of the partition table, the EFI system partition, and every block of the root through its hash
            tree. Damage is named by block, byte and file, and what is left is still read.

            A byte flipped inside the kernel or initrd is found in a build folder, which has a second copy; a lone
            disk image has nothing to compare them with.

            Exit status: 0 nothing is wrong, 1 there are errors or PATH cannot be read, 2 wrong usage.

            Examples:
              bulkhead inspect build/vm-containerd-amd64-0.1.0
              bulkhead inspect disk.raw
              bulkhead inspect --quick --json disk.raw
            """
    )

    @Argument(help: "A build folder, a raw disk image, a .efi or a root.erofs.")
    var path: String

    @Flag(help: "Do not read contents: no checksums, no hash trees.")
    var quick = false

    @Flag(help: "List all packages, not only the first 40.")
    var packages = false

    @Flag(help: "Print the facts as JSON.")
    var json = false

    func run() throws {
        let status = StatusLine()
        defer { status.clear() }
        let report = try Inspection.run(path: path, options: .init(isQuick: quick)) { status.show($0) }
        status.clear()
        if json {
            try Console.json(report)
        } else {
            print(report.text(packageLimit: packages ? nil : 40).joined(separator: "\n"))
        }
        if report.worst == .error { throw ExitCode.failure }
    }
}

/// A line on a terminal that says what is being done, once that takes longer than a moment.
final class StatusLine: Sendable {
    private struct State {
        var text = ""
        var isVisible = false
        var isOver = false
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(2) != 0

    init() {
        guard isTerminal else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + 1) { [self] in
            state.withLock { state in
                state.isVisible = !state.isOver
                Self.draw(state)
            }
        }
    }

    /// Shows what begins now; nothing is shown where there is no terminal, or in the first second.
    func show(_ text: String) {
        state.withLock { state in
            state.text = text
            Self.draw(state)
        }
    }

    /// Removes the line, for good.
    func clear() {
        state.withLock { state in
            if state.isVisible { Self.write("\r\u{1b}[K") }
            state.isVisible = false
            state.isOver = true
        }
    }

    private static func draw(_ state: State) {
        if state.isVisible, !state.text.isEmpty { write("\r\u{1b}[K\(state.text) ...") }
    }

    private static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
