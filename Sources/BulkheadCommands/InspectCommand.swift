import ArgumentParser
import ImageInspection

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
