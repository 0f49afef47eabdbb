import Hashing
import Signatures

/// Compares a file with what metadata promise of it, piece by piece as it arrives.
public struct ContentCheck: Sendable {
    private let name: String
    private let length: Int64?
    private var seen: Int64 = 0
    private var sha256: (hasher: SHA256Hasher, expected: String)?
    private var sha512: (hasher: SHA512Hasher, expected: String)?

    /// A check of a target.
    /// - Throws: `TUFError.unknownHashes` where the metadata give none of the hashes that can be computed.
    public init(target: TargetFile, name: String) throws(TUFError) {
        try self.init(name: name, length: target.length, hashes: target.hashes)
    }

    init(name: String, length: Int64?, hashes: [String: String]?) throws(TUFError) {
        self.name = name
        self.length = length
        guard let hashes else { return }
        sha256 = hashes["sha256"].map { (SHA256Hasher(), $0) }
        sha512 = hashes["sha512"].map { (SHA512Hasher(), $0) }
        guard sha256 != nil || sha512 != nil else { throw .unknownHashes(name: name) }
    }

    /// Takes the next bytes of the file.
    /// - Throws: `TUFError.tooLong` as soon as there are more than promised.
    public mutating func update(_ bytes: [UInt8]) throws(TUFError) {
        seen += Int64(bytes.count)
        if let length, seen > length { throw .tooLong(name: name, limit: Int(clamping: length)) }
        sha256?.hasher.update(bytes)
        sha512?.hasher.update(bytes)
    }

    /// Ends the check: every hash that can be computed must be the promised one.
    /// - Throws: `TUFError.wrongLength` or `wrongHash`.
    public func finish() throws(TUFError) {
        if let length, seen != length { throw .wrongLength(name: name, expected: length, found: seen) }
        if let sha256, Hex.decode(sha256.expected) != sha256.hasher.finish().bytes {
            throw .wrongHash(name: name, algorithm: "sha256")
        }
        if let sha512, Hex.decode(sha512.expected) != sha512.hasher.finish() {
            throw .wrongHash(name: name, algorithm: "sha512")
        }
    }
}

extension TargetFile {
    /// Checks the whole content of the target.
    /// - Throws: `TUFError`.
    public func check(_ bytes: [UInt8], name: String) throws(TUFError) {
        var check = try ContentCheck(target: self, name: name)
        try check.update(bytes)
        try check.finish()
    }
}

extension MetaFile {
    /// Checks the whole file against length and hashes, where they are given.
    func check(_ bytes: [UInt8], name: String) throws(TUFError) {
        var check = try ContentCheck(name: name, length: length, hashes: hashes)
        try check.update(bytes)
        try check.finish()
    }
}
