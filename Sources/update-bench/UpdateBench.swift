import BlockDevices
import Glibc
import SmallFiles
import Updater

/// The updater on a disk of its own: looks for an update and installs it, for `make bench`.
///
/// `update-bench DISK OS-RELEASE COMMAND-LINE CONFIGURATION TRUSTED-ROOT FOLDER`: a disk or an image of one, files in the
/// place of a host's `/usr/lib/os-release`, `/proc/cmdline`, the updater's configuration and the trusted root, and a
/// folder for state. It prints lines: `plan BYTES METHOD` for root and kernel image together, `step SECONDS WHAT` when a
/// step begins, `half SECONDS` when half of the missing blocks are written, `done SECONDS`, and `peak KIB`, the largest
/// resident set.
@main struct UpdateBench {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count == 6 else {
            fail("usage: update-bench DISK OS-RELEASE COMMAND-LINE CONFIGURATION TRUSTED-ROOT FOLDER")
        }
        do { try await run(arguments) } catch { fail("\(error)") }
    }

    private static func run(_ arguments: [String]) async throws {
        let (disk, configuration, root, folder) = (arguments[0], arguments[3], arguments[4], arguments[5])
        let log = EventLog()
        let updater = try Updater(
            Updater.Environment(
                system: try RunningSystem.current(osRelease: arguments[1], commandLine: arguments[2]),
                configuration: { () throws(UpdaterError) in try UpdaterConfiguration(file: configuration) },
                trustedRoot: { () throws(UpdaterError) in
                    do throws(SmallFileError) { return try readSmallFile(root, maximumLength: 1 << 20) } catch
                    {
                        throw .system("'\(root)' \(error)")
                    }
                },
                stateFolder: folder,
                workFolder: folder,
                openDisk: { () throws(UpdaterError) in
                    do throws(BlockDeviceError) {
                        return Updater.HostDisk(device: try FileBlockDevice(path: disk, access: .readWrite))
                    } catch {
                        throw .system("\(error)")
                    }
                },
                announce: { _ in },
                now: { Int64(time(nil)) }
            )
        ) { log.take($0) }
        if let reason = try await updater.refresh() { fail("no update: \(reason)") }
        log.begin()
        try await updater.prepare()
        log.finish()
    }

    private static func fail(_ text: String) -> Never {
        let line = text + "\n"
        _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        exit(1)
    }
}
