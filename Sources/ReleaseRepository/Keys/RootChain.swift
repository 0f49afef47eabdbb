import Foundation
public import TUF

/// The root metadata of a repository from version 1 on, each signed by itself and by the one before it.
public struct RootChain: Sendable, Equatable {
    /// A version with the bytes of its file.
    struct Link: Sendable, Equatable {
        let metadata: Metadata<Root>
        let bytes: [UInt8]
    }

    /// All versions in order.
    private(set) var links: [Link] = []

    /// Largest file of root metadata.
    static let sizeLimit = ClientLimits().rootBytes
    /// Most versions; hosts read 256 new ones in one operation, and go on in the next.
    static let lengthLimit = 1024

    init() {}

    /// The newest root; nil for an empty chain.
    public var latest: Metadata<Root>? { links.last?.metadata }

    /// The name of a version's file.
    static func name(_ version: some BinaryInteger) -> String { "\(version).root.json" }

    /// Reads `1.root.json`, `2.root.json` and so on from a folder, until there is none.
    ///
    /// - Throws: `RepositoryError.metadata` for one that is damaged or not signed as it must be.
    init(reading folder: String) throws(RepositoryError) {
        try self.init { name throws(RepositoryError) in
            try DurableFiles.read("\(folder)/\(name)", limit: Self.sizeLimit)
        }
    }

    /// Reads a chain of files.
    init(read: (String) throws(RepositoryError) -> [UInt8]?) throws(RepositoryError) {
        while links.count < Self.lengthLimit, let bytes = try read(Self.name(links.count + 1)) {
            try append(bytes)
        }
    }

    /// Adds the next version.
    ///
    /// - Throws: `RepositoryError.metadata` if it is not the next one, or not signed by both.
    mutating func append(_ bytes: [UInt8]) throws(RepositoryError) {
        let version = Int64(links.count + 1)
        guard links.count < Self.lengthLimit else {
            throw .badValue(
                what: "the version of the root",
                value: "\(version)",
                allowed: "at most \(Self.lengthLimit)"
            )
        }
        do throws(TUFError) {
            guard bytes.count <= Self.sizeLimit else {
                throw TUFError.tooLong(name: Self.name(version), limit: Self.sizeLimit)
            }
            let metadata = try Metadata<Root>(parsing: bytes)
            guard metadata.signed.version == version else {
                throw TUFError.wrongVersion(
                    role: Root.type,
                    expected: version,
                    found: metadata.signed.version
                )
            }
            if let latest { try metadata.verify(by: latest.signed) }
            try metadata.verify(by: metadata.signed)
            links.append(Link(metadata: metadata, bytes: bytes))
        } catch {
            throw .metadata(name: Self.name(version), error)
        }
    }
}
