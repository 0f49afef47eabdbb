/// User data that is a part of the image: what a maker of images sets for all hosts.
public struct ImageFileSource: UserDataSource {
    /// Where images have it.
    public static let path = "/usr/share/bulkhead/user-data.toml"

    /// The name of the source.
    public let name = "image"
    private let root: String

    /// The image's file, below a directory that is "/" on a real host.
    public init(root: String = "") { self.root = root }

    /// Reads the file.
    public func read() async throws(UserDataError) -> UserDataContent? {
        let path = root + Self.path
        return try UserDataFile.read(path).map { UserDataContent(place: path, bytes: $0) }
    }
}
