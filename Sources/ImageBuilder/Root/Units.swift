import FileTree
import Foundation
import VariantManifest

/// Which units start: systemd's own preset logic over the manifest's lists.
enum Units {
    /// Types of units that generators make of files and command line (systemd.generator(7)).
    private static let generatedTypes: Set<String> = [
        "automount", "device", "mount", "slice", "swap", "target",
    ]

    /// Checks that the tree has the units that the manifest names.
    ///
    /// - Returns: masked units that are not there, but that a generator may make.
    /// - Throws: `BuildError.missing` for the first other unit that is not there.
    static func check(_ units: ResolvedVariant.Units, of tree: FileTree) throws -> [String] {
        let known = Set(
            ["/usr/lib/systemd/system", "/etc/systemd/system"].flatMap { tree.children(of: $0) }
        )
        var doubtful: [String] = []
        for (key, names) in [("enable", units.enable), ("disable", units.disable), ("mask", units.mask)] {
            for unit in names where !known.contains(unit) && !known.contains(template(of: unit)) {
                let type = unit.split(separator: ".").last.map(String.init) ?? ""
                guard key == "mask", unit.contains("@") || generatedTypes.contains(type) else {
                    throw BuildError.missing(
                        what: "the unit '\(unit)' of units.\(key)",
                        remedy: "add the package that has it, mend the name, or remove the line"
                    )
                }
                doubtful.append(unit)
            }
        }
        return doubtful
    }

    /// Masks units, writes a preset file, and lets `systemctl preset-all` make the links it makes on a host.
    static func enable(
        _ units: ResolvedVariant.Units,
        in tree: inout FileTree,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws {
        for unit in units.mask {
            try tree.insert(
                .symlink(to: "/dev/null", origin: "units.mask"),
                at: "/etc/systemd/system/\(unit)"
            )
        }
        let preset =
            units.enable.map { "enable \($0)\n" }.joined() + units.disable.map { "disable \($0)\n" }.joined()
            + "disable *\n"
        let place = "/usr/lib/systemd/system-preset/00-bulkhead.preset"
        try tree.insert(.file(preset, origin: "units.enable"), at: place)

        let work = try WorkDirectory(cache: cache)
        try tree.materialise(
            ["/usr/lib/systemd/system", "/usr/lib/systemd/system-preset", "/etc/systemd/system"],
            to: work.file("root")
        )
        try await toolbox.run(["systemctl", "--root=/work/root", "preset-all"], work: work.path)
        let links = try FileTree.load(directory: work.file("root/etc"), origin: "systemctl preset-all")
        for (path, node) in links where node.symlinkTarget != nil {
            try tree.insert(node, at: "/etc" + path, onConflict: .replace)
        }
        let target = "/usr/lib/systemd/system/\(units.defaultTarget)"
        try tree.insert(
            .symlink(to: target, origin: "units.default-target"),
            at: "/etc/systemd/system/default.target",
            onConflict: .replace
        )
    }

    /// `getty@.service` for `getty@tty1.service`; the name itself for a unit that is no instance.
    private static func template(of unit: String) -> String {
        guard let at = unit.firstIndex(of: "@"), let dot = unit.lastIndex(of: "."), at < dot else {
            return unit
        }
        return String(unit[...at] + unit[dot...])
    }
}
