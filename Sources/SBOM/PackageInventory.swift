import Foundation
public import Hashing

/// The packages of an image and every file in it, as `packages.json` holds them.
public struct PackageInventory: Sendable, Hashable {
    /// The version of the format this code writes and reads.
    public static let currentFormat = 1
    /// Largest `packages.json` that is read, in bytes.
    public static let sizeLimit = 256 << 20

    /// A package with files in the image.
    public struct Package: Sendable, Hashable, Codable {
        /// The Debian name.
        public let name: String
        /// The full version.
        public let version: String
        /// The Debian name of the architecture, or `all`.
        public let architecture: String
        /// The digest of the package's file.
        public let sha256: SHA256Digest
        /// Bytes of its regular files in the image; counted by `PackageInventory`.
        public fileprivate(set) var bytes: UInt64

        /// States a package.
        public init(name: String, version: String, architecture: String, sha256: SHA256Digest) {
            self.name = name
            self.version = version
            self.architecture = architecture
            self.sha256 = sha256
            bytes = 0
        }
    }

    /// What an entry of the file tree is.
    public enum FileType: String, Sendable, Hashable, CaseIterable, Codable {
        /// A file with bytes.
        case regular
        /// A further name of a regular file, which is the target.
        case hardLink
        /// A directory.
        case directory
        /// A symbolic link.
        case symbolicLink
        /// A character device.
        case characterDevice
        /// A block device.
        case blockDevice
        /// A named pipe.
        case fifo
    }

    /// An entry of the file tree.
    public struct File: Sendable, Hashable {
        /// The absolute path.
        public let path: String
        /// What it is.
        public let type: FileType
        /// The permission bits with set-id and sticky bits, without the type.
        public let mode: UInt16
        /// The owner.
        public let uid: UInt32
        /// The owning group.
        public let gid: UInt32
        /// Bytes of a regular file, 0 otherwise.
        public let size: UInt64
        /// The digest of a regular file's bytes.
        public let sha256: SHA256Digest?
        /// What a link points to.
        public let target: String?
        /// The package it came with; nil for what the build made or an overlay brought.
        public let package: String?

        /// States an entry.
        public init(
            path: String,
            type: FileType,
            mode: UInt16,
            uid: UInt32 = 0,
            gid: UInt32 = 0,
            size: UInt64 = 0,
            sha256: SHA256Digest? = nil,
            target: String? = nil,
            package: String? = nil
        ) {
            self.path = path
            self.type = type
            self.mode = mode
            self.uid = uid
            self.gid = gid
            self.size = size
            self.sha256 = sha256
            self.target = target
            self.package = package
        }
    }

    /// The packages, sorted by name, then architecture.
    public let packages: [Package]
    /// The files, sorted by the bytes of their paths.
    public let files: [File]

    /// Takes packages and files in any order and counts the bytes a package.
    ///
    /// - Throws: `SBOMError` for a package or path that comes twice, a path that is not absolute, and a file of a
    ///   package that is not listed.
    public init(packages: [Package], files: [File]) throws(SBOMError) {
        var bytes: [String: UInt64] = [:]
        for package in packages where bytes.updateValue(0, forKey: package.name) != nil {
            throw .duplicatePackage(name: package.name, architecture: package.architecture)
        }
        let sorted = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        var previous: String?
        for file in sorted {
            guard file.path.hasPrefix("/") else {
                throw .badPath(path: file.path, reason: "it is not absolute")
            }
            // Strings compare equal across Unicode normal forms, paths do not.
            if let previous, previous.utf8.elementsEqual(file.path.utf8) {
                throw .badPath(path: file.path, reason: "it is listed twice")
            }
            previous = file.path
            guard let name = file.package else { continue }
            guard let sum = bytes[name] else { throw .unknownPackage(name: name, path: file.path) }
            let (total, overflow) = sum.addingReportingOverflow(file.type == .regular ? file.size : 0)
            guard !overflow else {
                throw .badPath(path: file.path, reason: "its size \(file.size) is impossible")
            }
            bytes[name] = total
        }
        self.files = sorted
        self.packages = packages.map {
            var package = $0
            package.bytes = bytes[$0.name] ?? 0
            return package
        }.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
    }
}

extension PackageInventory.File: Codable {
    private enum Key: String, CodingKey {
        case path, type, mode, uid, gid, size, sha256, target, package
    }

    /// Decodes an entry; the mode is octal text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        path = try container.decode(String.self, forKey: .path)
        type = try container.decode(PackageInventory.FileType.self, forKey: .type)
        let text = try container.decode(String.self, forKey: .mode)
        guard let mode = UInt16(text, radix: 8), mode <= 0o7777 else {
            throw DecodingError.dataCorruptedError(
                forKey: .mode,
                in: container,
                debugDescription: "four octal digits are expected"
            )
        }
        self.mode = mode
        uid = try container.decode(UInt32.self, forKey: .uid)
        gid = try container.decode(UInt32.self, forKey: .gid)
        size = try container.decode(UInt64.self, forKey: .size)
        sha256 = try container.decodeIfPresent(SHA256Digest.self, forKey: .sha256)
        target = try container.decodeIfPresent(String.self, forKey: .target)
        package = try container.decodeIfPresent(String.self, forKey: .package)
    }

    /// Encodes an entry; the mode is octal text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        let digits = String(mode & 0o7777, radix: 8)
        try container.encode(path, forKey: .path)
        try container.encode(type, forKey: .type)
        try container.encode(String(repeating: "0", count: 4 - digits.count) + digits, forKey: .mode)
        try container.encode(uid, forKey: .uid)
        try container.encode(gid, forKey: .gid)
        try container.encode(size, forKey: .size)
        try container.encodeIfPresent(sha256, forKey: .sha256)
        try container.encodeIfPresent(target, forKey: .target)
        try container.encodeIfPresent(package, forKey: .package)
    }
}

extension PackageInventory {
    private struct Content: Decodable {
        let packages: [Package]
        let files: [File]
    }

    private struct Format: Decodable {
        let formatVersion: Int
    }

    /// Reads a `packages.json`.
    ///
    /// - Throws: `SBOMError.malformedInventory`, and what `init(packages:files:)` throws.
    public init(decoding bytes: [UInt8]) throws(SBOMError) {
        guard bytes.count <= Self.sizeLimit else {
            throw .malformedInventory(reason: "it has \(bytes.count) bytes, more than \(Self.sizeLimit)")
        }
        let content: Content
        do {
            let data = Data(bytes)
            let format = try JSONDecoder().decode(Format.self, from: data).formatVersion
            guard format == Self.currentFormat else {
                throw SBOMError.malformedInventory(
                    reason: "its format is \(format), not \(Self.currentFormat)"
                )
            }
            content = try JSONDecoder().decode(Content.self, from: data)
        } catch let error as SBOMError {
            throw error
        } catch {
            throw .malformedInventory(
                reason: "it is not JSON of the right shape (\(String("\(error)".prefix(200))))"
            )
        }
        try self.init(packages: content.packages, files: content.files)
    }

    /// The canonical text: a package or a file a line, so that two inventories can be compared line by line.
    ///
    /// - Throws: `SBOMError.notEncodable`.
    public func encoded() throws(SBOMError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = Array("{\n\"formatVersion\":\(Self.currentFormat),\n\"packages\":[".utf8)
        do {
            for (number, package) in packages.enumerated() {
                text += Array((number == 0 ? "\n" : ",\n").utf8)
                text += try encoder.encode(package)
            }
            text += Array("\n],\n\"files\":[".utf8)
            for (number, file) in files.enumerated() {
                text += Array((number == 0 ? "\n" : ",\n").utf8)
                text += try encoder.encode(file)
            }
        } catch {
            throw .notEncodable(reason: "\(error)")
        }
        return text + Array("\n]\n}\n".utf8)
    }
}
