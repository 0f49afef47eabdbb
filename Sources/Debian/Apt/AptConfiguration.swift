import Foundation

/// Which suites and components of the archives packages are chosen from.
public struct AptSuites: Sendable, Hashable {
    /// The suites; those whose name ends in `-security` are looked for in the security archive.
    public let suites: [String]
    /// The components of each of them.
    public let components: [String]

    /// Takes names.
    ///
    /// - Throws: `AptError.invalidName` for a name that cannot be one, or an empty list.
    public init(suites: [String], components: [String] = ["main"]) throws(AptError) {
        for suite in suites where !DebianName.isSuite(suite) {
            throw .invalidName(String(suite.prefix(80)), kind: "suite")
        }
        for component in components where !DebianName.isSuite(component) {
            throw .invalidName(String(component.prefix(80)), kind: "component")
        }
        guard !suites.isEmpty else { throw .invalidName("", kind: "list of suites") }
        guard !components.isEmpty else { throw .invalidName("", kind: "list of components") }
        self.init(checkedSuites: suites, components: components)
    }

    private init(checkedSuites suites: [String], components: [String]) {
        self.suites = suites
        self.components = components
    }

    /// Debian 13 with its updates and security updates, component main.
    public static let trixie = AptSuites(
        checkedSuites: ["trixie", "trixie-updates", "trixie-security"],
        components: ["main"]
    )
}

/// The texts of the files that make apt work on an empty system of its own.
struct AptConfiguration: Sendable {
    let archives: AptArchives
    let suites: AptSuites
    let architecture: String

    /// The sources in deb822 form (sources.list(5)).
    var sources: String {
        var stanzas: [String] = []
        for archive in ArchiveName.allCases {
            let names = suites.suites.filter { ArchiveName(suite: $0) == archive }
            guard !names.isEmpty else { continue }
            var lines = [
                "Types: deb",
                "URIs: \(archives.root(of: archive))",
                "Suites: \(names.joined(separator: " "))",
                "Components: \(suites.components.joined(separator: " "))",
                "Architectures: \(architecture)",
                // Nothing but package lists, whatever other indexes the host is configured to fetch.
                "Targets: Packages",
            ]
            switch archives.trust {
            case .signedBy(let path): lines.append("Signed-By: \(path)")
            case .unsigned: lines.append("Trusted: yes")
            }
            stanzas.append(lines.joined(separator: "\n") + "\n")
        }
        return stanzas.joined(separator: "\n")
    }

    /// apt's configuration; it is read after the host's, whose proxies, certificates and passwords thus apply.
    func configuration(directory: String) -> String {
        """
        Dir::State "\(directory)/";
        Dir::State::lists "lists/";
        Dir::State::status "\(directory)/status";
        Dir::State::extended_states "\(directory)/extended_states";
        Dir::Cache "\(directory)/cache/";
        Dir::Cache::archives "archives/";
        Dir::Etc::sourcelist "\(directory)/archives.sources";
        Dir::Etc::sourceparts "\(directory)/none.d";
        Dir::Etc::preferences "\(directory)/preferences";
        Dir::Etc::preferencesparts "\(directory)/none.d";
        Dir::Log "\(directory)/";
        #clear APT::Update::Pre-Invoke;
        #clear APT::Update::Post-Invoke;
        #clear APT::Update::Post-Invoke-Success;
        #clear APT::Architectures;
        #clear APT::Default-Release;
        #clear APT::Build-Profiles;
        #clear Acquire::Languages;
        APT::Architecture "\(architecture)";
        APT::Architectures { "\(architecture)"; };
        APT::Install-Recommends "false";
        APT::Install-Suggests "false";
        APT::Solver "internal";
        APT::Sandbox::User "root";
        APT::Update::Error-Mode "any";
        APT::Get::AllowUnauthenticated "false";
        APT::Get::Assume-Yes "true";
        Acquire::Languages { "none"; };
        Acquire::AllowInsecureRepositories "false";
        Acquire::AllowWeakRepositories "false";
        Acquire::AllowDowngradeToInsecureRepositories "false";
        Acquire::Retries "3";
        Debug::NoLocking "true";

        """
    }

    /// Preferences (apt_preferences(5)) that hold packages at their versions, older or not.
    static func preferences(keeping packages: some Sequence<LockedPackage>) -> String {
        packages.map { package in
            """
            Package: \(package.name)
            Pin: version \(package.version)
            Pin-Priority: 1001

            """
        }.joined(separator: "\n")
    }
}
