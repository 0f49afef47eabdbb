/// User data of an EC2 instance, from the instance metadata service.
public struct InstanceMetadataSource: UserDataSource {
    /// The path of the user data.
    public static let path = "/latest/user-data"

    /// The name of the source.
    public let name = "ec2"
    private let root: String
    private let service: InstanceMetadata

    /// The service; asked only where the machine is an EC2 instance.
    ///
    /// - Parameter root: the directory that is "/" on a real host.
    public init(root: String = "", service: InstanceMetadata = InstanceMetadata()) {
        self.root = root
        self.service = service
    }

    /// Asks the service.
    public func read() async throws(UserDataError) -> UserDataContent? {
        guard InstanceMetadata.isAvailable(root: root) else { return nil }
        return try await service.get(Self.path).map {
            UserDataContent(place: "the EC2 instance metadata", bytes: $0)
        }
    }
}
