import JSON
import TUF

/// The versions that a key ring signed and published last, noted in the key ring.
///
/// Signatures do not say which of two states of a repository is the newer one. Whoever can write its folder, a backup
/// or a late copy can bring an older one back; a writer that went on from there would undo withdrawals, remove
/// releases, and sign versions again that hosts have seen with other content.
struct PublishedState: Sendable, Equatable {
    /// The version of the newest root that the repository has.
    var root: Int64 = 0
    /// The version of the timestamp.
    var timestamp: Int64 = 0
    /// The version of the snapshot.
    var snapshot: Int64 = 0
    /// The version of the targets metadata.
    var targets: Int64 = 0

    /// Its file in the key ring's folder.
    static let fileName = "published.json"
    /// The largest version that is written: readers in other languages keep whole numbers up to here.
    static let versionLimit: Int64 = 1 << 53

    private static var members: [(name: String, path: WritableKeyPath<PublishedState, Int64>)] {
        [
            (Root.type, \.root), (Timestamp.type, \.timestamp), (Snapshot.type, \.snapshot),
            (Targets.type, \.targets),
        ]
    }

    /// Nothing was published yet.
    init() {}

    /// Reads what a key ring has noted: nothing in one that has not published yet.
    ///
    /// - Throws: `RepositoryError.badKeyRing` for a damaged note.
    init(reading folder: String) throws(RepositoryError) {
        let path = "\(folder)/\(Self.fileName)"
        guard let bytes = try DurableFiles.read(path, limit: 64 << 10) else { return }
        func bad(_ reason: String) -> RepositoryError {
            .badKeyRing(
                path: path,
                reason: "\(reason); restore it, or remove it if the repository is the newest"
            )
        }
        let document: JSONValue
        do throws(JSONError) { document = try JSONValue(parsing: bytes) } catch { throw bad("\(error)") }
        for (name, path) in Self.members {
            guard let version = document[name]?.integer, (0...Self.versionLimit).contains(version) else {
                throw bad("'\(name)' is not a version from 0 to \(Self.versionLimit)")
            }
            self[keyPath: path] = version
        }
    }

    /// Notes the versions.
    func write(to folder: String) throws(RepositoryError) {
        var members: [String: JSONValue] = [:]
        for (name, path) in Self.members { members[name] = .integer(self[keyPath: path]) }
        let text = JSONValue.object(members).prettyText
        try DurableFiles.write(Array((text + "\n").utf8), to: "\(folder)/\(Self.fileName)", mode: 0o600)
    }
}
