internal import JSON
public import SettingsModel

/// What all sources of user data gave together.
public struct UserData: Sendable, Equatable {
    /// What one source gave.
    public struct Part: Sendable, Equatable {
        /// The name of the source.
        public var source: String
        /// Where its user data was found; nil where there is none.
        public var place: String?
        /// The good settings of it.
        public var settings = SettingsDocument()
        /// What is wrong with single settings.
        public var problems: [SettingProblem]
        /// Why nothing of it is used; nil where it could be read, or where there is nothing.
        public var error: UserDataError?

        /// How many settings of it are good.
        public var count: Int { settings.values.count }
    }

    /// The good settings.
    ///
    /// Where two sources set one key, the later one counts.
    public private(set) var settings = SettingsDocument()
    /// The parts, in the order in which the sources were read.
    public private(set) var parts: [Part] = []

    /// The sources of a host, in the order in which they are read.
    ///
    /// - Parameters:
    ///   - root: the directory that is "/" on a real host.
    ///   - credentials: the directory of the service's credentials, `$CREDENTIALS_DIRECTORY`.
    ///   - mountParent: where a directory for the volume's mount is made.
    ///   - metadata: the instance metadata service.
    public static func sources(
        root: String = "",
        credentials: String?,
        mountParent: String,
        metadata: InstanceMetadata = InstanceMetadata()
    ) -> [any UserDataSource] {
        [
            ImageFileSource(root: root),
            VolumeSource(
                device: root + VolumeSource.link,
                udevQueue: root + VolumeSource.udevQueue,
                mountParent: mountParent
            ),
            CredentialSource(directory: credentials),
            InstanceMetadataSource(root: root, service: metadata),
        ]
    }

    /// Reads sources one after the other.
    ///
    /// What is wrong with one does not keep the others from being used.
    public init(reading sources: [any UserDataSource]) async {
        for source in sources {
            var part = Part(source: source.name, problems: [])
            do throws(UserDataError) {
                if let content = try await source.read() {
                    part.place = content.place
                    try take(content, into: &part)
                }
            } catch {
                part.error = error
            }
            parts.append(part)
        }
    }

    private mutating func take(_ content: UserDataContent, into part: inout Part) throws(UserDataError) {
        let (json, strangers) = try UserDataDocument.settings(in: content)
        let (good, problems) = SettingsDocument.sift(json)
        part.problems =
            strangers.map {
                let allowed = "not used: beside [\(SettingKey.root)] there is nothing else"
                return SettingProblem(key: SettingKey.spelled($0), value: nil, allowed: allowed)
            } + problems
        part.settings = good
        settings = settings.merging(good)
    }
}

extension SettingKey {
    /// A name as the key's text has it, in quotes where it needs them.
    fileprivate static func spelled(_ name: String) -> String {
        String(SettingKey([name]).description.dropFirst(root.count + 1))
    }
}
