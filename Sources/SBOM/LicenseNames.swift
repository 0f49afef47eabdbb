/// The names of licences in Debian copyright files and their SPDX identifiers, where they certainly mean the same.
///
/// "MIT", "Artistic" and "public-domain" stand for several texts in Debian and are left out on purpose.
enum LicenseNames {
    /// The SPDX identifier of a short name; nil if it is not certain.
    static func identifier(of name: String) -> String? {
        let key = name.lowercased()
        return gnu(key) ?? table[key]
    }

    /// `gpl-2+`, `lgpl-2.1`, `gfdl-niv-1.3+`: the GNU family names a version and whether later ones do.
    private static func gnu(_ key: String) -> String? {
        var text = key[...]
        var suffix = "-only"
        if text.hasSuffix("+") {
            text = text.dropLast()
            suffix = "-or-later"
        } else if text.hasSuffix("-or-later") {
            text = text.dropLast("-or-later".count)
            suffix = "-or-later"
        } else if text.hasSuffix("-only") {
            text = text.dropLast("-only".count)
        }
        guard let dash = text.lastIndex(of: "-") else { return nil }
        let family = String(text[..<dash])
        var version = String(text[text.index(after: dash)...])
        if !version.contains(".") { version += ".0" }
        let known: [String: (name: String, versions: [String], variant: String)] = [
            "gpl": ("GPL", ["1.0", "2.0", "3.0"], ""),
            "lgpl": ("LGPL", ["2.0", "2.1", "3.0"], ""),
            "agpl": ("AGPL", ["1.0", "3.0"], ""),
            "gfdl": ("GFDL", ["1.1", "1.2", "1.3"], ""),
            "gfdl-niv": ("GFDL", ["1.1", "1.2", "1.3"], "-no-invariants"),
        ]
        guard let entry = known[family], entry.versions.contains(version) else { return nil }
        return "\(entry.name)-\(version)\(entry.variant)\(suffix)"
    }

    private static let table: [String: String] = {
        var table: [String: String] = [
            "expat": "MIT",
            "apache-2": "Apache-2.0",
            "bsd-0-clause": "0BSD",
            "cc0": "CC0-1.0",
            "boost-1.0": "BSL-1.0",
            "wtfpl-2": "WTFPL",
            "zlib/libpng": "Zlib",
            "mpl-2": "MPL-2.0",
        ]
        // Names that are SPDX identifiers themselves.
        let same = [
            "0BSD", "Apache-1.0", "Apache-1.1", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause",
            "BSD-4-Clause", "BSL-1.0", "BlueOak-1.0.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0",
            "CC-BY-SA-4.0",
            "CC0-1.0", "CDDL-1.0", "EPL-1.0", "EPL-2.0", "FTL", "ICU", "ISC", "LPPL-1.3c", "MIT-0", "MPL-1.0",
            "MPL-1.1", "MPL-2.0", "NCSA", "OFL-1.0", "OFL-1.1", "OLDAP-2.8", "PHP-3.01",
            "Sleepycat", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "Vim", "WTFPL", "X11",
            "Zlib",
            "bzip2-1.0.6", "curl", "libtiff",
        ]
        for name in same { table[name.lowercased()] = name }
        return table
    }()
}
