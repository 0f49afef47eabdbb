public import SettingsModel

/// One committed state of the settings, as it is stored: one document, never changed once written.
public struct Generation: Sendable, Equatable {
    /// Its number; the highest one is in force.
    public var number: UInt64
    /// When it was committed, in seconds since 1970.
    public var time: Int64
    /// The version of the OS that wrote it.
    public var osVersion: String
    /// The version of the settings model in which it lies on the disk; the layers here are in the running version's form.
    public var schemaVersion: Int
    /// Who made it, as the kernel and the request told.
    public var author: Author
    /// Why it exists.
    public var reason: Reason
    /// What was set by people and programs, and stays over reboots.
    public var strong: SettingsDocument
    /// What generators made; made anew at each boot.
    public var weak: SettingsDocument
    /// The defaults of the image that wrote it: below both others.
    public var defaults: SettingsDocument
    /// Set while it must still be confirmed.
    public var trial: Trial?
    /// The id of the transaction whose changes these are; empty if none.
    public var transaction: String

    /// The settings in force: strong ones over weak ones over defaults.
    public var settings: SettingsDocument { layers.settings }

    /// Who made a change.
    public struct Author: Sendable, Equatable {
        /// The user of the client (SO_PEERCRED, unix(7)).
        public var user: UInt32
        /// The group of the client.
        public var group: UInt32
        /// The process of the client.
        public var process: Int32
        /// The name of the program: `apiserver` for what happens by itself.
        public var program: String

        /// A client.
        public init(user: UInt32, group: UInt32, process: Int32, program: String) {
            self.user = user
            self.group = group
            self.process = process
            self.program = program
        }
    }

    /// Why a generation exists.
    public enum Reason: String, Sendable {
        /// The first one of a new host.
        case first
        /// A transaction was committed.
        case commit
        /// An older generation was brought back by a client.
        case restore
        /// A commit on trial was not confirmed in time.
        case unconfirmed
        /// A commit on trial was confirmed.
        case confirm
        /// Another version of the OS booted: other defaults, or a migration.
        case osVersion = "os-version"
        /// A new boot: weak values were dropped.
        case boot
    }

    /// A commit that is taken back unless it is confirmed.
    public struct Trial: Sendable, Equatable {
        /// Until when it must be confirmed, in seconds since 1970.
        public var deadline: Int64
        /// How long it had, in seconds; a clock that was set never makes it longer.
        public var seconds: Int64
        /// The generation that comes back.
        public var previous: UInt64

        /// A trial.
        public init(deadline: Int64, seconds: Int64, previous: UInt64) {
            self.deadline = deadline
            self.seconds = seconds
            self.previous = previous
        }
    }
}
