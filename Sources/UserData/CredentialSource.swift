/// User data in the systemd credential `bulkhead.user-data`.
///
/// It comes from a hypervisor through SMBIOS strings or fw_cfg, from
/// a container manager, or from the ESP (systemd-stub(7)). See https://systemd.io/CREDENTIALS.
public struct CredentialSource: UserDataSource {
    /// The name of the credential.
    public static let credential = "bulkhead.user-data"

    /// The name of the source.
    public let name = "credential"
    private let directory: String?

    /// The credential in the directory that systemd gives a service in `$CREDENTIALS_DIRECTORY`.
    ///
    /// - Parameter directory: nil where the service got none.
    public init(directory: String?) { self.directory = directory }

    /// Reads the credential.
    public func read() async throws(UserDataError) -> UserDataContent? {
        guard let directory, !directory.isEmpty else { return nil }
        let path = "\(directory)/\(Self.credential)"
        return try UserDataFile.read(path).map {
            UserDataContent(place: "the credential \(Self.credential)", bytes: $0)
        }
    }
}
