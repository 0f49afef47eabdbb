public import SettingsModel

/// One feature of an image: what joins a group of settings with the files and services that follow them.
///
/// Read from `image/features/<name>.toml` (DESIGN.md section 6).
public struct Feature: Sendable, Equatable {
    /// The name of the file, without its ending.
    public var name: String
    /// One sentence: what it configures.
    public var description: String
    /// The values of settings that nobody has set.
    public var defaults: SettingsDocument
    /// Commands that print a setting's value as JSON, by key.
    public var generators: [SettingKey: Generator]
    /// The services, by the names clients see.
    public var services: [String: Service]
    /// The files, by the names clients see.
    public var files: [String: File]

    /// A command that makes a value when nobody has set one.
    public struct Generator: Sendable, Equatable {
        /// The program with its arguments; it prints one JSON value.
        public var command: [String]
        /// Whether the value is made anew at each boot.
        public var isWeak: Bool

        /// A generator.
        public init(command: [String], isWeak: Bool) {
            self.command = command
            self.isWeak = isWeak
        }
    }

    /// Something that follows settings.
    public struct Service: Sendable, Equatable {
        /// Prefixes of the keys that it follows.
        public var settings: [SettingKey]
        /// The names of the files that are rendered for it.
        public var files: [String]
        /// What is done when a file changed, in order.
        public var restart: [Restart]

        /// A service.
        public init(settings: [SettingKey], files: [String], restart: [Restart]) {
            self.settings = settings
            self.files = files
            self.restart = restart
        }
    }

    /// One thing that is asked of systemd.
    public struct Restart: Sendable, Hashable, CustomStringConvertible {
        /// The methods of org.freedesktop.systemd1(5), in the words of systemctl(1).
        public enum Action: String, Sendable, CaseIterable {
            case start, restart, reload
            case tryRestart = "try-restart"
            case reloadOrTryRestart = "try-reload-or-restart"
        }

        /// What is asked.
        public var action: Action
        /// The unit, with its ending.
        public var unit: String

        /// A request.
        public init(_ action: Action, _ unit: String) {
            self.action = action
            self.unit = unit
        }

        /// The command that would do the same: "systemctl try-restart containerd.service".
        public var description: String { "systemctl \(action.rawValue) \(unit)" }
    }

    /// A file that is rendered from settings.
    public struct File: Sendable, Equatable {
        /// Where programs find it: a path below /etc, in the image a link into /run/bulkhead/etc.
        public var path: String
        /// The file name of its template below `image/templates`.
        public var template: String
        /// The permission bits.
        public var mode: UInt32

        /// A file.
        public init(path: String, template: String, mode: UInt32) {
            self.path = path
            self.template = template
            self.mode = mode
        }
    }

    /// A feature.
    public init(
        name: String,
        description: String,
        defaults: SettingsDocument,
        generators: [SettingKey: Generator],
        services: [String: Service],
        files: [String: File]
    ) {
        self.name = name
        self.description = description
        self.defaults = defaults
        self.generators = generators
        self.services = services
        self.files = files
    }
}
