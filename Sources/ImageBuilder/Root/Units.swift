import FileTree
import Foundation
import VariantManifest

/// Which units start: systemd's own preset logic over the manifest's lists.
enum Units {
    /// Masks units, writes a preset file, and lets `systemctl preset-all` make the links it makes on a host.
    static func enable(
        _ units: ResolvedVariant.Units,
        in tree: inout FileTree,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws {
        let known = Set(tree.children(of: "/usr/lib/systemd/system"))
        for unit in units.enable where !known.contains(unit) && !known.contains(template(of: unit)) {
            throw BuildError.missing(
                what: "the unit '\(unit)' of units.enable",
                remedy: "add the package that has it, or mend the name"
            )
        }
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
