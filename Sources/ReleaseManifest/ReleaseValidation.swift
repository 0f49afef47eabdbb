import Hashing

extension Release {
    /// Largest size of anything here, in bytes: 8 TiB.
    private static let largest: UInt64 = 8 << 40
    /// The last second of the year 9999.
    private static let latest: UInt64 = 253_402_300_799

    /// Checks every value by itself and against the others it must agree with.
    ///
    /// - Throws: `ReleaseManifestError.badValue` or `.unsupportedFormat` for the first that is wrong.
    public func validate() throws(ReleaseManifestError) {
        guard formatVersion == Self.currentFormat else { throw .unsupportedFormat(version: formatVersion) }
        try check(
            "variant",
            variant,
            Self.isName(variant),
            "1 to 32 lower-case letters, digits and '-' are allowed"
        )
        try check(
            "architecture",
            architecture,
            Self.isName(architecture),
            "1 to 32 lower-case letters, digits and '-' are allowed"
        )
        try check(
            "version",
            version,
            Self.isVersion(version),
            "1 to 64 letters, digits, '.', '~', '^' and '-' are allowed, the first a letter or digit"
        )
        try check(
            "sourceDateEpoch",
            sourceDateEpoch,
            sourceDateEpoch <= Self.latest,
            "it is after the year 9999"
        )
        try check("sectorSize", sectorSize, sectorSize == 512 || sectorSize == 4096, "it must be 512 or 4096")
        try checkText("kernelVersion", kernelVersion, limit: 128)
        try checkText("toolVersion", toolVersion, limit: 128)
        try checkText("commandLine", commandLine, limit: 4096)
        try validateRoot()
        try validateFile("uki", uki)
        try check("uki.file", uki.file, uki.file.hasSuffix(".efi"), "it must end in '.efi'")
        try validateDisk()
        try validateLock()
        try validateTransports()
        try check("images", images.count, images.count <= 16, "at most 16 are allowed")
        for (format, image) in images.sorted(by: { $0.key < $1.key }) {
            try check("images", format, Self.isName(format), "it is no name of a format")
            try validateFile("images.\(format)", image)
        }
        if let raw = images["raw"] {
            try check("images.raw.size", raw.size, raw.size == disk.size, "disk.size is \(disk.size)")
            try check(
                "images.raw.sha256",
                raw.sha256,
                raw.sha256 == disk.sha256,
                "disk.sha256 is \(disk.sha256)"
            )
        }
    }

    private func validateRoot() throws(ReleaseManifestError) {
        try check("root.blockSize", root.blockSize, root.blockSize == 4096, "it must be 4096")
        // veritysetup(8): a salt has at most 256 bytes.
        try check("root.salt", root.salt, root.salt.bytes.count <= 256, "it has more than 256 bytes")
        try checkSize("root.size", root.size, multipleOf: 4096)
        try check(
            "root.dataBlocks",
            root.dataBlocks,
            root.dataBlocks == root.size / 4096,
            "root.size is \(root.size), which are \(root.size / 4096) blocks"
        )
        try checkSize("root.treeSize", root.treeSize, multipleOf: 4096)
        let hashes = commandLine.split(separator: " ").filter { $0.hasPrefix("roothash=") }
        try check(
            "commandLine",
            commandLine,
            hashes == ["roothash=\(root.hash.hex)"],
            "it must have 'roothash=\(root.hash.hex)' once, and no other"
        )
    }

    private func validateDisk() throws(ReleaseManifestError) {
        try checkSize("disk.size", disk.size, multipleOf: sectorSize)
        try check(
            "disk.partitions",
            disk.partitions.count,
            (1...128).contains(disk.partitions.count),
            "a disk has 1 to 128 partitions"
        )
        var total: UInt64 = 0
        var uuids: Set<String> = []
        for (number, partition) in disk.partitions.enumerated() {
            let key = "disk.partitions.\(number)"
            try checkText("\(key).label", partition.label, limit: 36 * 4)
            try check(
                "\(key).label",
                partition.label,
                partition.label.utf16.count <= 36,
                "it is longer than 36 characters"
            )
            for (name, uuid) in [("type", partition.type), ("uuid", partition.uuid)] {
                try check(
                    "\(key).\(name)",
                    uuid,
                    Self.isUUID(uuid),
                    "it is no UUID of lower-case hexadecimal digits"
                )
            }
            try check(
                "\(key).uuid",
                partition.uuid,
                uuids.insert(partition.uuid).inserted,
                "another partition has it too"
            )
            try checkSize("\(key).size", partition.size, multipleOf: sectorSize)
            // 128 partitions of 8 TiB are far from an overflow.
            total += partition.size
        }
        try check("disk.size", disk.size, total < disk.size, "the partitions have \(total) bytes together")
    }

    private func validateLock() throws(ReleaseManifestError) {
        try check(
            "lock.changed",
            lock.changed,
            lock.changed || lock.differences.isEmpty,
            "there are \(lock.differences.count) differences from the lock"
        )
        try check(
            "lock.differences",
            lock.differences.count,
            lock.differences.count <= 10_000,
            "at most 10000 are allowed"
        )
        for (number, difference) in lock.differences.enumerated() {
            let key = "lock.differences.\(number)"
            try checkText("\(key).package", difference.package, limit: 256)
            if let locked = difference.locked { try checkText("\(key).locked", locked, limit: 256) }
            if let used = difference.used { try checkText("\(key).used", used, limit: 256) }
        }
    }

    private func validateTransports() throws(ReleaseManifestError) {
        guard let transports else { return }
        try validateFile("transports.frames", transports.frames)
        try validateFile("transports.index", transports.index)
        let count = transports.packs.count
        try check("transports.packs", count, count <= 64, "at most 64 are allowed")
        var names: Set<String> = [transports.frames.file]
        var starts: Set<SHA256Digest> = [root.hash]
        let isSecond = "another artefact has it too"
        try check(
            "transports.index.file",
            transports.index.file,
            names.insert(transports.index.file).inserted,
            isSecond
        )
        for (number, pack) in transports.packs.enumerated() {
            let key = "transports.packs.\(number)"
            try validateFile("\(key).file", pack.file)
            try check("\(key).file", pack.file.file, names.insert(pack.file.file).inserted, isSecond)
            let isNew = starts.insert(pack.from).inserted
            try check(
                "\(key).from",
                pack.from,
                isNew,
                "another pack begins there, or it is the new root itself"
            )
            try checkSize("\(key).headSize", pack.headSize, multipleOf: 1)
            try check(
                "\(key).headSize",
                pack.headSize,
                pack.headSize <= pack.file.size,
                "the whole pack has \(pack.file.size) bytes"
            )
        }
        if let parts = transports.kernel { try validateParts("transports.kernel", parts, of: uki) }
    }

    private func validateParts(_ key: String, _ parts: [Part], of file: File) throws(ReleaseManifestError) {
        let limit = 1024
        try check(key, parts.count, parts.count <= limit, "at most \(limit) are allowed")
        var end: UInt64 = 0
        for (number, part) in parts.enumerated() {
            try check("\(key).\(number).size", part.size, part.size > 0, "it is empty")
            let left = file.size - end
            try check(
                "\(key).\(number).size",
                part.size,
                part.size <= left,
                "only \(left) bytes are left there"
            )
            end += part.size
        }
        try check(key, end, end == file.size, "'\(file.file)' has \(file.size) bytes")
    }

    private func validateFile(_ key: String, _ file: File) throws(ReleaseManifestError) {
        try check(
            "\(key).file",
            file.file,
            FileName.isPlain(file.file),
            "it is no plain file name without folders"
        )
        try checkSize("\(key).size", file.size, multipleOf: 1)
    }

    // MARK: Single values

    private func check(
        _ key: String,
        _ value: some CustomStringConvertible,
        _ isGood: Bool,
        _ reason: String
    ) throws(ReleaseManifestError) {
        if !isGood { throw .badValue(key: key, value: Self.shown(value.description), reason: reason) }
    }

    private func checkSize(_ key: String, _ size: UInt64, multipleOf unit: UInt64)
        throws(ReleaseManifestError)
    {
        try check(key, size, size > 0, "it is empty")
        try check(key, size, size <= Self.largest, "it is larger than 8 TiB")
        try check(key, size, size % unit == 0, "it is not a multiple of \(unit)")
    }

    private func checkText(_ key: String, _ text: String, limit: Int) throws(ReleaseManifestError) {
        try check(key, text, !text.isEmpty, "it is empty")
        try check(key, text, text.utf8.count <= limit, "it is longer than \(limit) bytes")
        try check(
            key,
            text,
            text.utf8.allSatisfy { (0x20...0x7E).contains($0) },
            "printable ASCII is allowed"
        )
    }

    /// A value for a message: shortened and without control characters.
    private static func shown(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(100) {
            result +=
                (0x20...0x7E).contains(scalar.value)
                ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
        return result
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.count <= 32 else {
            return false
        }
        return text.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
        }
    }

    private static func isVersion(_ text: String) -> Bool {
        guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || ".~^-".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
    }

    private static func isUUID(_ text: String) -> Bool {
        let groups = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return groups.map(\.count) == [8, 4, 4, 4, 12]
            && groups.joined().allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// Names of files that a release may speak of.
enum FileName {
    /// Whether a name is one file in the same folder, and can be written to a `SHA256SUMS` without escapes.
    static func isPlain(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 255, name != ".", name != ".." else { return false }
        return name.utf8.allSatisfy {
            (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\")
        }
    }
}
