/// What single values may be; each check returns what is wrong and what is allowed, or nil for a good value.
enum Check {
    /// Largest length of a name in a file system, in bytes.
    private static let nameLimit = 255

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerOrDigit(byte) || (0x41...0x5A).contains(byte)
    }

    private static func isPrintableASCII(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }

    /// A description: one line for people.
    static func description(_ text: String) -> String? {
        if text.utf8.allSatisfy({ $0 == 0x20 }) {
            return "it is empty; say in a sentence what the variant is for"
        }
        if text.utf8.count > 500 { return "it has more than 500 bytes; say it in a sentence" }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            return "it has control characters; write one line"
        }
        return nil
    }

    /// A version as the UAPI version format specification defines it, and usable in names of files.
    static func version(_ text: String) -> String? {
        guard let first = text.utf8.first else { return "is empty; write one such as 1.2.3" }
        guard isAlphanumeric(first) else { return "must begin with a letter or a digit" }
        if text.utf8.count > 64 { return "has more than 64 characters; use a shorter one" }
        guard text.utf8.allSatisfy({ isAlphanumeric($0) || ".~^-".utf8.contains($0) }) else {
            return "has other characters than letters, digits, '.', '~', '^' and '-'; use only these"
        }
        return nil
    }

    /// The name of a variant or a fragment.
    static func name(_ text: String) -> String? {
        guard let first = text.utf8.first, isLowerOrDigit(first), text.utf8.count <= 32,
            text.utf8.allSatisfy({ isLowerOrDigit($0) || $0 == UInt8(ascii: "-") })
        else {
            return "a name has 1 to 32 lower-case letters, digits and '-', and begins with a letter or digit"
        }
        return nil
    }

    /// One of a few words.
    static func choice(_ allowed: [String]) -> (String) -> String? {
        { text in
            if allowed.contains(text) { return nil }
            return "use one of \(allowed.joined(separator: ", "))" + didYouMean(text, among: allowed)
        }
    }

    /// A name of a binary package (Debian Policy 5.6.7).
    static func package(_ text: String) -> String? {
        guard let first = text.utf8.first, isLowerOrDigit(first), text.utf8.count >= 2,
            text.utf8.count <= 128,
            text.utf8.allSatisfy({ isLowerOrDigit($0) || "+.-".utf8.contains($0) })
        else {
            return
                "a Debian package name has lower-case letters, digits, '+', '-' and '.', at least two of them;"
                + " versions are pinned in packages.lock, architectures come from the build"
        }
        return nil
    }

    /// One argument of the kernel's command line.
    static func kernelArgument(_ text: String) -> String? {
        if text.isEmpty { return "an argument cannot be empty; remove it" }
        if text.utf8.count > 1024 { return "an argument has at most 1024 bytes" }
        var inQuotes = false
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { inQuotes.toggle() }
            if byte == UInt8(ascii: " "), inQuotes { continue }
            guard isPrintableASCII(byte) else {
                return
                    "an argument is printable ASCII without spaces outside of double quotes; one string an argument"
            }
        }
        if inQuotes { return "a double quote is not closed" }
        let name = text.prefix { $0 != "=" }
        if ["roothash", "usrhash"].contains(name) {
            return "the build sets '\(name)' from the tree it hashes; remove it"
        }
        return nil
    }

    /// One argument of a container's command, as execve(2) takes it.
    static func containerArgument(_ text: String) -> String? {
        if text.isEmpty { return "an argument cannot be empty; remove it" }
        return text.utf8.count > 4096 ? "an argument has at most 4096 bytes" : nil
    }

    /// A variable of a container's environment, `NAME=VALUE`.
    static func environmentVariable(_ text: String) -> String? {
        let name = text.prefix { $0 != "=" }
        guard let first = name.utf8.first, name.utf8.count < text.utf8.count,
            first == UInt8(ascii: "_") || isAlphanumeric(first) && !(0x30...0x39).contains(first),
            name.utf8.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "_") })
        else { return "write NAME=VALUE; a name has letters, digits and '_'" }
        return text.utf8.count > 4096 ? "a variable has at most 4096 bytes" : nil
    }

    /// The user of a container's first process, by numbers: names are looked up by nobody.
    static func containerUser(_ text: String) -> String? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isGood =
            parts.count <= 2
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt32(part) != nil
            }
        return isGood ? nil : "write UID or UID:GID, both numbers, such as \"0:0\""
    }

    /// A kernel module's name.
    static func kernelModule(_ text: String) -> String? {
        if text.hasSuffix(".ko") || text.contains(".ko.") {
            return "write the module's name without folder and suffix"
        }
        let isGood =
            !text.isEmpty && text.utf8.count <= 64
            && text.utf8.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
        return isGood ? nil : "a module's name has 1 to 64 letters, digits, '-' and '_'"
    }

    /// A unit's full name (systemd.unit(5)).
    static func unit(_ text: String) -> String? {
        let suffixes = [
            "service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice",
        ]
        let allowed = text.utf8.allSatisfy { isAlphanumeric($0) || ":-_.\\@".utf8.contains($0) }
        guard allowed, text.utf8.count <= nameLimit,
            let dot = text.lastIndex(of: "."), dot != text.startIndex,
            suffixes.contains(String(text[text.index(after: dot)...]))
        else {
            return
                "a unit's name is letters, digits and ':-_.\\@' and ends in its type, such as '.service' or '.timer'"
        }
        return nil
    }

    /// The physical cluster size of EROFS, in bytes.
    static func clusterSize(_ size: Int) -> String? {
        let isGood = (4096...1_048_576).contains(size) && size & (size - 1) == 0
        return isGood ? nil : "a cluster is a power of two of bytes in 4096...1048576"
    }

    /// A file or folder, relative to the repository's root.
    static func repositoryPath(_ text: String) -> String? {
        if text.hasPrefix("/") { return "write it relative to the repository's root" }
        return pathProblem(text[...], allowsPattern: false)
    }

    /// An absolute path without wildcards.
    static func absolutePath(_ text: String) -> String? {
        guard text.hasPrefix("/"), text != "/" else { return "write an absolute path, beginning with '/'" }
        return pathProblem(text.dropFirst(), allowsPattern: false)
    }

    /// An absolute path that may have `*`, `?`, `[...]` and `**`.
    static func absolutePattern(_ text: String) -> String? {
        guard text.hasPrefix("/"), text != "/" else {
            return "write an absolute path or pattern, beginning with '/'"
        }
        return pathProblem(text.dropFirst(), allowsPattern: true)
    }

    /// A relative path that may have `*`, `?`, `[...]` and `**`.
    static func relativePattern(_ text: String) -> String? {
        if text.hasPrefix("/") {
            return "write it relative to /usr/lib/modules/VERSION/kernel, such as 'drivers/net/**'"
        }
        return pathProblem(text[...], allowsPattern: true)
    }

    /// What is wrong with the components of a relative path.
    private static func pathProblem(_ path: Substring, allowsPattern: Bool) -> String? {
        if path.isEmpty { return "it is empty" }
        if path.utf8.count > 4095 { return "a path has at most 4095 bytes" }
        if path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            return "it has control characters"
        }
        for component in path.split(separator: "/", omittingEmptySubsequences: false) {
            if component.isEmpty {
                return "it has '//' or ends in '/'; write each '/' once, and none at the end"
            }
            if component == "." || component == ".." { return "it must not contain '.' or '..'" }
            if component.utf8.count > nameLimit { return "a name in it has more than 255 bytes" }
            if !allowsPattern {
                if component.contains(where: { "*?[".contains($0) }) {
                    return "wildcards are not allowed here"
                }
                continue
            }
            if component.contains("**"), component != "**" { return "'**' must stand alone between two '/'" }
            if let open = component.lastIndex(of: "["), !component[open...].dropFirst(2).contains("]") {
                return "a '[' is not closed"
            }
        }
        return nil
    }
}
