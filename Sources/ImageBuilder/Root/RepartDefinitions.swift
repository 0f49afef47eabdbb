import FileTree
import VariantManifest

/// The definitions from which systemd-repart makes slot B, state and data on first boot (repart.d(5)).
///
/// They are generated from the layout that also places slot A, so the two cannot disagree.
enum RepartDefinitions {
    static func add(_ layout: Layout, to tree: inout FileTree) throws {
        for (name, text) in definitions(layout) {
            try tree.insert(.file(text, origin: "layout"), at: "/usr/lib/repart.d/\(name).conf")
        }
    }

    /// File names and texts, in the order of the partitions.
    static func definitions(_ layout: Layout) -> [(name: String, text: String)] {
        [
            ("10-esp", fixed("esp", layout.espSize)),
            ("20-slot-a-root", fixed("root", layout.rootSize) + root),
            ("21-slot-a-verity", fixed("root-verity", layout.veritySize) + readOnly),
            ("30-slot-b-root", fixed("root", layout.rootSize, label: "_empty") + root),
            ("31-slot-b-verity", fixed("root-verity", layout.veritySize, label: "_empty") + readOnly),
            ("40-state", fixed("linux-generic", layout.stateSize, label: "state") + "Format=ext4\n"),
            (
                "50-data",
                """
                [Partition]
                Type=var
                Label=data
                Format=ext4
                SizeMinBytes=1G
                GrowFileSystem=yes

                """
            ),
        ]
    }

    // The flags that slot A is built with. Left alone, repart would give a root the one that lets file systems grow;
    // a hash tree never has it.
    private static let readOnly = "ReadOnly=yes\n"
    private static let root = readOnly + "GrowFileSystem=no\n"

    private static func fixed(_ type: String, _ size: UInt64, label: String? = nil) -> String {
        """
        [Partition]
        Type=\(type)
        SizeMinBytes=\(size)
        SizeMaxBytes=\(size)

        """ + (label.map { "Label=\($0)\n" } ?? "")
    }
}
