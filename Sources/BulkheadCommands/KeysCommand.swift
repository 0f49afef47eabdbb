import ArgumentParser
import Foundation
import ReleaseRepository
import Rollout
import Signatures
import TUF

/// `bulkhead keys`: who signs what hosts trust.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make, rotate and renew the keys of a repository.",
        discussion: """
            A key ring is a folder: N.root.json say which keys the roles root, targets, snapshot and timestamp have and
            how many must sign; keys.toml says where the secret of each key is, a file or a command that signs. Keep
            the root's private keys offline: only 'bulkhead keys' needs them.

            Examples:
              bulkhead keys init keys --root-folder /media/offline/root
              bulkhead keys rotate timestamp keys
              bulkhead keys renew keys
            """,
        subcommands: [KeysInitCommand.self, KeysRotateCommand.self, KeysRenewCommand.self]
    )
}

/// The kinds of keys on the command line.
enum KeyKindArgument: String, ExpressibleByArgument, CaseIterable {
    case ed25519
    case ecdsa
    case rsa

    var kind: KeyKind {
        switch self {
        case .ed25519: .ed25519
        case .ecdsa: .ecdsaP256
        case .rsa: .rsa
        }
    }
}

/// When a ceremony takes place and for how long its root is good.
struct CeremonyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long the new root metadata is good; '52 weeks' and a day by default.",
            valueName: "duration"
        )
    )
    var expires: DurationArgument?

    @OptionGroup var time: TimeOptions

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func ceremony() throws -> KeyCeremony {
        KeyCeremony(now: try time.moment(), lifetime: expires?.seconds)
    }

    /// Prints what a ceremony did.
    func show(_ outcome: KeyCeremony.Outcome, next: String) throws {
        if json {
            struct Shown: Encodable {
                var rootVersion: Int64
                var expires: String
                var privateFiles: [String]
            }
            return try Console.json(
                Shown(
                    rootVersion: outcome.rootVersion,
                    expires: outcome.expires.description,
                    privateFiles: outcome.privateFiles
                )
            )
        }
        print("\(outcome.rootVersion).root.json, good until \(outcome.expires)")
        for file in outcome.privateFiles { print("private key: \(file)") }
        print(next)
    }
}

/// `bulkhead keys init`.
struct KeysInitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a key ring with new keys and the first root metadata.",
        discussion: """
            Private keys are PKCS#8 in PEM with the mode 0600. Each role has one key unless --role says more.

            Examples:
              bulkhead keys init keys
              bulkhead keys init keys --type ecdsa --role root=3/2 --role targets=2/2
              bulkhead keys init keys --root-folder /media/offline/root
            """
    )

    @Argument(help: "The key ring's folder, new or empty.")
    var folder: String

    @Option(help: "Where the root's private keys go; FOLDER/root by default.")
    var rootFolder: String?

    @Option(help: "The kind of the keys: ed25519, ecdsa (P-256) or rsa (3072 bits, PSS).")
    var type = KeyKindArgument.ed25519

    @Option(
        name: .customLong("role"),
        help: ArgumentHelp(
            "How many keys a role has and how many of them must sign: root=3/2; may be repeated.",
            valueName: "role=keys/threshold"
        )
    )
    var roles: [String] = []

    @OptionGroup var options: CeremonyOptions

    func validate() throws { _ = try plan() }

    private func plan() throws -> [String: KeyCeremony.RolePlan] {
        var plan: [String: KeyCeremony.RolePlan] = [:]
        for text in roles {
            let parts = text.split(whereSeparator: { $0 == "=" || $0 == "/" }).map(String.init)
            guard parts.count == 3, let count = Int(parts[1]), let threshold = Int(parts[2]) else {
                throw ValidationError("--role '\(text)': write it as root=3/2")
            }
            plan[parts[0]] = .init(count: count, threshold: threshold)
        }
        return plan
    }

    func run() async throws {
        let outcome = try await options.ceremony().initialize(
            folder,
            rootFolder: rootFolder.map(absolute),
            kind: type.kind,
            plan: plan()
        )
        try options.show(outcome, next: "next: bulkhead repo init REPOSITORY --keys \(folder)")
    }
}

/// `bulkhead keys rotate`.
struct KeysRotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Replace the keys of a role, in new root metadata that old and new root keys sign.",
        discussion: """
            Needs the root's private keys. All keys of the role are replaced, by as many new ones unless --count says
            otherwise. With --public the new key is elsewhere, in a KMS or behind PKCS#11: the words behind -- are the
            command that signs with it. It gets the bytes to sign on standard input and prints the signature, raw or
            in base64. For several such keys repeat --public, and give as many commands with -- between them.

            Run 'bulkhead repo refresh' then, so that hosts learn of it. Keep the old private keys until that is done.

            Examples:
              bulkhead keys rotate timestamp keys
              bulkhead keys rotate root keys --count 3 --threshold 2
              bulkhead keys rotate targets keys --public kms.pem -- sign-with-kms --key-id 7
              bulkhead keys rotate root keys --public a.pem --public b.pem -- sign --slot 1 -- sign --slot 2
            """
    )

    @Argument(help: "The role: root, targets, snapshot or timestamp.")
    var role: String

    @Argument(help: "The key ring's folder.")
    var folder: String

    @Option(help: "The kind of the new keys: ed25519, ecdsa (P-256) or rsa (3072 bits, PSS).")
    var type = KeyKindArgument.ed25519

    @Option(help: "How many new keys are made; as many as the role had by default.")
    var count: Int?

    @Option(help: "How many of them must sign; as before by default, which needs as many keys.")
    var threshold: Int?

    @Option(help: "Where new private keys of the root go; where the last ones are by default.")
    var rootFolder: String?

    @Option(
        name: .customLong("public"),
        help: ArgumentHelp(
            "The public key in PEM of a new key that is elsewhere; may be repeated.",
            valueName: "file"
        )
    )
    var publicFiles: [String] = []

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp(
            "The command that signs with the key of --public, one for each with -- between them.",
            valueName: "command"
        )
    )
    var command: [String] = []

    @OptionGroup var options: CeremonyOptions

    func validate() throws {
        let found = commands.filter { !$0.isEmpty }.count
        guard found == publicFiles.count, commands.count <= max(1, found) else {
            throw ValidationError(
                "--public FILE and a command behind -- belong together: there are \(publicFiles.count) and "
                    + "\(found)"
            )
        }
        if !publicFiles.isEmpty && count != nil {
            throw ValidationError("--count goes with keys that are made here")
        }
        if let count, !(1...KeyCeremony.countLimit).contains(count) {
            throw ValidationError("--count \(count): give 1 to \(KeyCeremony.countLimit)")
        }
    }

    /// A command for each key; the only one may have a word -- of its own.
    private var commands: [[String]] {
        publicFiles.count < 2
            ? [command]
            : command.split(separator: "--", omittingEmptySubsequences: false).map(Array.init)
    }

    func run() async throws {
        let newKeys: [KeyCeremony.NewKey]
        if !publicFiles.isEmpty {
            newKeys = zip(publicFiles, commands).map { .elsewhere(publicFile: $0, command: $1) }
        } else {
            let before = try KeyRing(reading: folder).roots.latest?.signed.roles[role]?.keyIDs.count
            newKeys = Array(repeating: .made(type.kind), count: count ?? max(1, before ?? 1))
        }
        let outcome = try await options.ceremony().rotate(
            role,
            in: folder,
            newKeys: newKeys,
            threshold: threshold,
            rootFolder: rootFolder.map(absolute)
        )
        try options.show(outcome, next: "next: bulkhead repo refresh REPOSITORY --keys \(folder)")
    }
}

/// `bulkhead keys renew`.
struct KeysRenewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew",
        abstract: "Make new root metadata with the same keys before the last one expires.",
        discussion: """
            Needs the root's private keys. Run 'bulkhead repo refresh' then, so that hosts learn of it.

            Examples:
              bulkhead keys renew keys
              bulkhead keys renew keys --expires '26 weeks'
            """
    )

    @Argument(help: "The key ring's folder.")
    var folder: String

    @OptionGroup var options: CeremonyOptions

    func run() async throws {
        let outcome = try await options.ceremony().renew(folder)
        try options.show(outcome, next: "next: bulkhead repo refresh REPOSITORY --keys \(folder)")
    }
}

/// A path that means the same from every folder, as keys.toml needs it.
private func absolute(_ path: String) -> String { URL(filePath: path).path }
