/// What kind of value a key takes.
enum ValueShape {
    /// A string, with a check that returns what is wrong with it.
    case text(check: (String) -> String?)
    /// An integer, with a check that returns what is wrong with it.
    case integer(check: (Int) -> String?)
    /// A string such as "32MiB"; the number of bytes must be in the range.
    case size(ClosedRange<UInt64>)
    /// An array of strings without repetitions; two strings are the same if `canonical` says so.
    case list(check: (String) -> String?, canonical: (String) -> String)
    /// An array of strings that may repeat, such as the arguments of a command.
    case words(check: (String) -> String?)
    /// An array of `{ path, reason }` tables.
    case exceptions
    /// A table of links: a key is the place of the link, its value the target.
    case links
}

/// A key of a manifest, by its dotted name; the one table of what a manifest may say.
enum Setting: String, CaseIterable, Hashable, Sendable {
    case description
    case version
    case extends
    case architectures
    case overlays
    case containers
    case packagesInclude = "packages.include"
    case packagesDrop = "packages.drop"
    case kernelPackage = "kernel.package"
    case kernelCommandLine = "kernel.command-line"
    case kernelModules = "kernel.modules"
    case kernelDropModules = "kernel.drop-modules"
    case initrdModules = "initrd.modules"
    case initrdFiles = "initrd.files"
    case initrdOverlays = "initrd.overlays"
    case imageFormats = "image.formats"
    case imageSectorSize = "image.sector-size"
    case espSize = "layout.esp-size"
    case rootSize = "layout.root-size"
    case veritySize = "layout.verity-size"
    case stateSize = "layout.state-size"
    case erofsCompression = "erofs.compression"
    case erofsCompressionLevel = "erofs.compression-level"
    case erofsClusterSize = "erofs.cluster-size"
    case filterRemove = "filter.remove"
    case filterKeep = "filter.keep"
    case auditAllow = "audit.allow"
    case alternatives
    case settingsFeatures = "settings.features"
    case updatesRoot = "updates.root"
    case unitsEnable = "units.enable"
    case unitsDisable = "units.disable"
    case unitsMask = "units.mask"
    case unitsDefaultTarget = "units.default-target"
    case configEntrypoint = "config.entrypoint"
    case configCommand = "config.cmd"
    case configEnvironment = "config.env"
    case configUser = "config.user"

    /// The keys of an `[arch.NAME]` table and what they add to.
    static let ofArchitecture: [String: Setting] = [
        "packages": .packagesInclude,
        "drop": .packagesDrop,
        "kernel-package": .kernelPackage,
        "command-line": .kernelCommandLine,
        "initrd-modules": .initrdModules,
    ]

    /// The keys that a file of a role may have, and those of which it is told that only others do.
    static func known(to role: ManifestFile.Role) -> [Setting] {
        let ofContainersOnly: Set<Setting> = [
            .configEntrypoint, .configCommand, .configEnvironment, .configUser,
        ]
        let ofContainers: Set<Setting> = ofContainersOnly.union([
            .description, .packagesInclude, .packagesDrop, .filterRemove, .filterKeep, .auditAllow,
            .alternatives,
        ])
        return allCases.filter {
            role == .container ? ofContainers.contains($0) : !ofContainersOnly.contains($0)
        }
    }

    /// The table that the key stands in; empty for the top level.
    var section: String { rawValue.firstIndex(of: ".").map { String(rawValue[..<$0]) } ?? "" }

    /// The key without its table.
    var key: String {
        String(rawValue[(rawValue.firstIndex(of: ".").map(rawValue.index(after:)) ?? rawValue.startIndex)...])
    }

    /// Whether only a `variant.toml` may have the key.
    var isForVariantsOnly: Bool { self == .version || self == .architectures }

    /// Whether a `variant.toml` must have the key.
    var isRequired: Bool { isForVariantsOnly || self == .description }

    /// Whether the value speaks of its own file only and is not handed to files that extend it.
    var isOwn: Bool { isRequired || self == .extends }

    /// Whether the values are folders of the repository.
    var namesFolders: Bool { self == .overlays || self == .initrdOverlays }

    /// What kind of value the key takes.
    var shape: ValueShape {
        let asIs = { (text: String) in text }
        switch self {
        case .description: return .text(check: Check.description)
        case .version: return .text(check: Check.version)
        case .extends: return .list(check: Check.name, canonical: asIs)
        case .architectures:
            return .list(check: Check.choice(Architecture.allCases.map(\.rawValue)), canonical: asIs)
        case .overlays, .initrdOverlays: return .list(check: Check.repositoryPath, canonical: asIs)
        case .packagesInclude, .packagesDrop: return .list(check: Check.package, canonical: asIs)
        case .kernelPackage: return .text(check: Check.package)
        case .kernelCommandLine: return .list(check: Check.kernelArgument, canonical: asIs)
        case .kernelModules, .kernelDropModules: return .list(check: Check.relativePattern, canonical: asIs)
        case .initrdModules:
            // The kernel takes '-' and '_' in a module's name for the same.
            return .list(check: Check.kernelModule) { String($0.map { $0 == "-" ? "_" : $0 }) }
        case .initrdFiles, .filterRemove, .filterKeep:
            return .list(check: Check.absolutePattern, canonical: asIs)
        case .imageFormats:
            return .list(check: Check.choice(ImageFormat.allCases.map(\.rawValue)), canonical: asIs)
        case .imageSectorSize:
            return .integer {
                $0 == 512 || $0 == 4096 ? nil : "a sector has 512 or 4096 bytes; write one of these"
            }
        case .espSize: return .size(Layout.espSizeLimits)
        case .rootSize: return .size(Layout.rootSizeLimits)
        case .veritySize: return .size(Layout.veritySizeLimits)
        case .stateSize: return .size(Layout.stateSizeLimits)
        case .erofsCompression:
            return .text(check: Check.choice(ErofsOptions.Compression.allCases.map(\.rawValue)))
        case .erofsCompressionLevel: return .integer { (0...22).contains($0) ? nil : "a level is in 0...22" }
        case .erofsClusterSize: return .integer(check: Check.clusterSize)
        case .auditAllow: return .exceptions
        case .alternatives: return .links
        case .settingsFeatures: return .list(check: Check.name, canonical: asIs)
        case .updatesRoot: return .text(check: Check.repositoryPath)
        case .unitsEnable, .unitsDisable, .unitsMask: return .list(check: Check.unit, canonical: asIs)
        case .containers: return .list(check: Check.name, canonical: asIs)
        case .configEntrypoint, .configCommand: return .words(check: Check.containerArgument)
        case .configEnvironment:
            return .list(check: Check.environmentVariable) { String($0.prefix { $0 != "=" }) }
        case .configUser: return .text(check: Check.containerUser)
        case .unitsDefaultTarget:
            return .text { Check.unit($0) ?? ($0.hasSuffix(".target") ? nil : "it must be a .target unit") }
        }
    }
}
