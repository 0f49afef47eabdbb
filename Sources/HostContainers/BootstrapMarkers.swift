import Glibc
import SettingsModel
import SmallFiles

/// Notes that something of mode `once` has run, which outlive the boot: one file each, with the digest of what ran.
///
/// A note is written when the run is over and before the mode is set to `off`. A loss of power between the two does not
/// run it twice; one between the end of the run and the note does.
struct BootstrapMarkers: Sendable {
    /// Which of the two groups of settings something is of.
    enum Group: String, Sendable, CaseIterable {
        case containers, commands
    }

    let paths: HostContainerPaths

    private func path(_ group: Group, _ name: String) -> String {
        "\(paths.markers)/\(group.rawValue).\(name)"
    }

    /// Whether just this has run.
    func hasRun(_ group: Group, _ name: String, digest: String) -> Bool {
        guard let bytes = try? readSmallFile(path(group, name), maximumLength: 128) else { return false }
        return String(decoding: bytes, as: UTF8.self) == digest
    }

    /// Notes durably that it has run.
    func note(_ group: Group, _ name: String, digest: String) throws(HostContainersError) {
        let files = ContainerFiles(paths: paths)
        try files.makeFolder(
            String(paths.markers.prefix(upTo: paths.markers.lastIndex(of: "/") ?? paths.markers.startIndex)),
            mode: 0o755,
            durably: true
        )
        try files.makeFolder(paths.markers, mode: 0o700, durably: true)
        try files.writing { () throws(SmallFileWriteError) in
            try replaceSmallFile(path(group, name), with: Array(digest.utf8), mode: 0o600)
        }
    }

    /// Takes the notes away of all that is not to run once any more, so that it runs again when it is set to.
    func removeStale(_ settings: ContainerSettings) throws(HostContainersError) {
        guard let folder = opendir(paths.markers) else { return }
        var names: [String] = []
        while names.count < 10_000, let entry = readdir(folder) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
            )
        }
        closedir(folder)
        for file in names {
            for group in Group.allCases where file.hasPrefix(group.rawValue + ".") {
                let name = String(file.dropFirst(group.rawValue.count + 1))
                let mode =
                    switch group {
                    case .containers: settings.bootstrapContainers[name]?.mode
                    case .commands: settings.bootstrapCommands[name]?.mode
                    }
                guard mode != .once else { continue }
                try ContainerFiles(paths: paths).writing { () throws(SmallFileWriteError) in
                    try removeSmallFile("\(paths.markers)/\(file)")
                }
            }
        }
    }
}
