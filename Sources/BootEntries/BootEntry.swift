/// An entry of systemd-boot's menu: a file's name, and what the os-release inside the file says.
public struct BootEntry: Sendable, Equatable {
    /// The file's name.
    public let name: BootEntryName
    /// The key by which entries are grouped: `IMAGE_ID`, else `ID`.
    public let sortKey: String?
    /// The version: `IMAGE_VERSION`, else `VERSION`, `VERSION_ID` or `BUILD_ID`.
    public let version: String?

    /// An entry from its parts; `OSRelease` of the UKI module has `bootSortKey` and `bootVersion`.
    public init(name: BootEntryName, sortKey: String?, version: String?) {
        self.name = name
        self.sortKey = sortKey
        self.version = version
    }

    /// The entries in the order of systemd-boot's menu, of which it boots the first by itself.
    ///
    /// This is without a `default` in its configuration or variables, which Bulkhead never sets. Entries without tries
    /// left come last; then by sort key; then newer versions first, by the os-release and then by the name; then more
    /// tries left, then fewer done. Where one of two equal entries has no counter, versions of systemd-boot differ;
    /// here the one with a counter is first, as in 257.
    public static func menuOrder(_ entries: [BootEntry]) -> [BootEntry] {
        entries.sorted { order($0, $1) < 0 }
    }

    private static func order(_ left: BootEntry, _ right: BootEntry) -> Int {
        func bool(_ left: Bool, _ right: Bool) -> Int { (left ? 1 : 0) - (right ? 1 : 0) }
        func isBad(_ entry: BootEntry) -> Bool { entry.name.counter?.left == 0 }
        let byState = bool(isBad(left), isBad(right))
        if byState != 0 { return byState }
        // Entries with a sort key come before those without.
        let byKind = bool(left.sortKey == nil, right.sortKey == nil)
        if byKind != 0 { return byKind }
        if let first = left.sortKey, let second = right.sortKey {
            // Code units, as strcmp16() compares them.
            if first != second { return first.utf16.lexicographicallyPrecedes(second.utf16) ? -1 : 1 }
            let byVersion = -UAPIVersion.order(left.version ?? "", right.version ?? "")
            if byVersion != 0 { return byVersion }
        }
        let byName = -UAPIVersion.order(left.name.identifier, right.name.identifier)
        if byName != 0 { return byName }
        switch (left.name.counter, right.name.counter) {
        case (nil, nil): return 0
        case (nil, _?): return 1
        case (_?, nil): return -1
        case (let first?, let second?):
            return first.left != second.left ? second.left - first.left : first.done - second.done
        }
    }
}
