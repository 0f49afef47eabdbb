import BlockDevices
import GPT
import Glibc
import HostHealth
import SmallFiles
import UpdateEngine
import Updater

/// Where on a host the updater finds what it reads and writes.
struct UpdateHost: Sendable {
    /// The folder that is "/" on a real host.
    var root: String
    /// An image file or a disk that is used in the place of the one that the running root comes from.
    var disk: String?

    /// A host.
    init(root: String = "/", disk: String? = nil) {
        self.root = root
        self.disk = disk
    }

    var files: HostFiles { HostFiles(root: root) }

    /// What must outlive a reboot: the record and trusted metadata; with the settings on the state partition, as an
    /// update must not lose sight of what failed when the data partition is made anew.
    var stateFolder: String { files.path("/state/updates") }
    /// A kernel image on its way to the ESP and a release's tables: tens of MiB that can be fetched again, and so on the
    /// data partition.
    var workFolder: String { files.path("/var/lib/bulkhead-updater") }
    /// What must outlive the service but not the boot.
    var runtimeFolder: String { files.path("/run/bulkhead-updater") }
    var configurationFile: String { files.path("/etc/bulkhead/updater.json") }
    var trustedRootFile: String { files.path("/usr/share/bulkhead/update-root.json") }

    private static let maximumRoot = 1 << 20

    /// What of the host the updater uses.
    ///
    /// - Parameter complain: is told what went wrong without being an error.
    /// - Throws: `UpdaterError.system` if this is no Bulkhead host.
    func environment(complain: @escaping @Sendable (String) -> Void) throws(UpdaterError)
        -> Updater.Environment
    {
        let host = self
        return Updater.Environment(
            system: try RunningSystem.current(
                osRelease: files.path("/usr/lib/os-release"),
                commandLine: files.path("/proc/cmdline")
            ),
            configuration: { () throws(UpdaterError) in
                try UpdaterConfiguration(file: host.configurationFile)
            },
            trustedRoot: { () throws(UpdaterError) in try host.trustedRoot() },
            stateFolder: stateFolder,
            workFolder: workFolder,
            openDisk: { () throws(UpdaterError) in try host.openDisk() },
            announce: { slot in
                for problem in host.announce([slot.root.number, slot.verity.number]) { complain(problem) }
            },
            now: { Int64(time(nil)) }
        )
    }

    private func trustedRoot() throws(UpdaterError) -> [UInt8] {
        do throws(SmallFileError) {
            return try readSmallFile(trustedRootFile, maximumLength: Self.maximumRoot)
        } catch {
            guard error.isMissing else { throw .configuration("'\(trustedRootFile)' \(error)") }
            throw .configuration(
                """
                this image was built without a root of trust for updates ('\(trustedRootFile)'): build it with \
                'bulkhead build --update-root ROOT.json' and install it anew
                """
            )
        }
    }

    private func openDisk() throws(UpdaterError) -> Updater.HostDisk {
        do {
            guard let disk else {
                let found = try RootDisk.running()
                return Updater.HostDisk(
                    device: try FileBlockDevice(path: found.path, access: .readWrite),
                    sectorSize: found.sectorSize,
                    partitions: found.partitions,
                    holdESP: { number throws(UpdaterError) in
                        do throws(BlockDeviceError) {
                            return try DeviceHold(path: found.path(ofPartition: number))
                        } catch {
                            throw .disk("the ESP can't be held: \(error)")
                        }
                    }
                )
            }
            return Updater.HostDisk(device: try FileBlockDevice(path: disk, access: .readWrite))
        } catch {
            throw .disk("\(error)")
        }
    }

    private func announce(_ partitions: [Int]) -> [String] {
        guard disk == nil else { return [] }
        do throws(SlotError) {
            return DeviceEvents.changed(disk: try RootDisk.running().name, partitions: partitions)
        } catch {
            return [error.description]
        }
    }
}
