import ArgumentParser
import Debian
import ImageInspection

/// `bulkhead diff`: how two images differ, and what an update costs.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two builds: packages, files, sizes, and the bytes an update would download.",
        discussion: """
            OLD and NEW are build folders or raw disk images. Files are compared by type, content, mode, owner and
            link target; a further hard link counts as a file of its own. The size of each package needs the
            packages.json of two build folders.

            The update is that of docs/update-format.md: a 4 KiB block of the new root that the old root has anywhere
            is not downloaded, and every other one once; of the unified kernel image those parts count that OLD's has
            not; the hash tree is computed on the host. All figures are bytes before compression.

            Exit status: 0 compared, whether or not anything differs; 1 failed; 2 wrong usage.

            Examples:
              bulkhead diff build/vm-containerd-amd64-0.1.0 build/vm-containerd-amd64-0.2.0
              bulkhead diff --no-files old.raw new.raw
              bulkhead diff --limit 0 --json OLD NEW
            """
    )

    @Argument(help: "The older build folder or disk image.")
    var old: String

    @Argument(help: "The newer build folder or disk image.")
    var new: String

    @Flag(inversion: .prefixedNo, help: "List the files that differ, not only their number.")
    var files = true

    @Option(help: ArgumentHelp("The most lines of each list; 0 lists all.", valueName: "lines"))
    var limit = 40

    @Flag(help: "Print everything as JSON; lists are complete.")
    var json = false

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit \(limit): give the number of lines, or 0 for all") }
    }

    func run() throws {
        let status = StatusLine()
        defer { status.clear() }
        let report = try Difference.run(old: old, new: new) { status.show($0) }
        status.clear()
        if json {
            try Console.json(report)
            return
        }
        let options = DiffTextOptions(limit: limit == 0 ? nil : limit, listsFiles: files) { old, new in
            guard let before = DebianVersion(old), let after = DebianVersion(new), before != after else {
                return nil
            }
            return before < after
        }
        print(report.text(options).joined(separator: "\n"))
    }
}
