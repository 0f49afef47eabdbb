import Foundation
import Hashing

/// The bill of materials of an image, as an SPDX 2.3 JSON document.
///
/// The same packages and facts, in any order, give the same bytes.
public struct SPDXDocument: Sendable {
    private static let imageID = "SPDXRef-Image"

    /// The bytes of the document, with a newline at the end.
    public let bytes: [UInt8]

    /// Makes the document of an image.
    ///
    /// - Throws: `SBOMError` for packages that come twice in one kind or have no name or version, and for a time
    ///   that SPDX cannot write.
    public init(image: SBOMImage, packages: [SBOMPackage]) throws(SBOMError) {
        guard let created = Timestamp.format(image.sourceDateEpoch) else {
            throw .timestampOutOfRange(seconds: image.sourceDateEpoch)
        }
        var file = SPDXFile(
            name: "\(image.name)-\(image.version)",
            documentNamespace: "",
            creationInfo: SPDXFile.CreationInfo(
                created: created,
                creators: ["Organization: Bulkhead", "Tool: bulkhead-\(image.toolVersion)"]
            ),
            packages: [Self.element(of: image)],
            relationships: [Self.relationship("SPDXRef-DOCUMENT", "DESCRIBES", Self.imageID)]
        )
        var elements = Elements(image: image)
        for package in packages.sorted(by: Self.precedes) {
            try elements.add(package)
        }
        elements.relatePrograms()
        file.packages += elements.packages
        file.relationships += elements.relationships
        let licenses = elements.extracted.values.sorted { $0.identifier < $1.identifier }
        if !licenses.isEmpty {
            file.hasExtractedLicensingInfos = licenses.map {
                SPDXFile.ExtractedLicensingInfo(
                    licenseId: $0.identifier,
                    name: $0.name,
                    extractedText: $0.text
                )
            }
        }
        // The name of the document follows from all it says.
        let digest = SHA256Digest(hashing: try Self.encode(file))
        file.documentNamespace = "urn:uuid:\(Self.uuid(from: digest))"
        bytes = try Self.encode(file)
    }

    private static func precedes(_ left: SBOMPackage, _ right: SBOMPackage) -> Bool {
        let (one, other) = (left.container ?? "", right.container ?? "")
        return (one, left.kind.rawValue, left.name, left.architecture, left.version)
            < (other, right.kind.rawValue, right.name, right.architecture, right.version)
    }

    private static func element(of image: SBOMImage) -> SPDXFile.Package {
        let (type, digest, comment, purpose) =
            switch image.identity {
            case .operatingSystem(let hash):
                (
                    "dm-verity-root-hash", hash, "dm-verity root hash (SHA-256) of the root file system",
                    "OPERATING-SYSTEM"
                )
            case .container(let manifest):
                ("oci-manifest-digest", manifest, "digest (SHA-256) of the OCI image's manifest", "CONTAINER")
            }
        return SPDXFile.Package(
            SPDXID: imageID,
            name: image.name,
            versionInfo: image.version,
            supplier: "Organization: Bulkhead",
            comment: "\(comment): \(digest.hex)",
            externalRefs: [
                SPDXFile.ExternalRef(
                    referenceCategory: "OTHER",
                    referenceType: type,
                    referenceLocator: "sha256:\(digest.hex)"
                )
            ],
            primaryPackagePurpose: purpose
        )
    }

    private static func relationship(_ from: String, _ type: String, _ to: String) -> SPDXFile.Relationship {
        SPDXFile.Relationship(spdxElementId: from, relationshipType: type, relatedSpdxElement: to)
    }

    private static func encode(_ file: SPDXFile) throws(SBOMError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return try Array(encoder.encode(file)) + [0x0A]
        } catch {
            throw .notEncodable(reason: "\(error)")
        }
    }

    /// A UUID of version 8 from the first bytes of a digest (RFC 9562, 5.8 and B.2).
    static func uuid(from digest: SHA256Digest) -> String {
        var bytes = Array(digest.bytes.prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = Hex.encode(bytes)
        var groups: [Substring] = []
        var rest = hex[...]
        for length in [8, 4, 4, 4, 12] {
            groups.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return groups.joined(separator: "-")
    }
}

/// Collects the elements of packages and their sources.
private struct Elements {
    let image: SBOMImage
    var packages: [SPDXFile.Package] = []
    var relationships: [SPDXFile.Relationship] = []
    var extracted: [String: ExtractedLicense] = [:]
    private var seen: Set<String> = []
    private var identifiers: Set<String> = ["SPDXRef-Image"]
    private var sources: [String: String] = [:]
    private var identifiersByKind: [SBOMPackage.Kind: [String]] = [:]

    init(image: SBOMImage) {
        self.image = image
    }

    mutating func add(_ package: SBOMPackage) throws(SBOMError) {
        guard !package.name.isEmpty, !package.version.isEmpty else {
            throw .incompletePackage(name: package.name, version: package.version)
        }
        let place = package.container ?? ""
        guard
            seen.insert("\(place) \(package.kind.rawValue) \(package.name) \(package.architecture)").inserted
        else {
            throw .duplicatePackage(name: package.name, architecture: package.architecture)
        }
        let prefix: String
        let url: String
        switch package.kind {
        case .imagePackage, .buildTool:
            prefix = package.kind == .imagePackage ? "Package" : "BuildTool"
            url = PackageURL.debian(
                name: package.name,
                version: package.version,
                architecture: package.architecture,
                distribution: image.distribution
            )
        case .ownProgram, .runtimeLibrary:
            prefix = package.kind == .ownProgram ? "Program" : "Runtime"
            url = PackageURL.generic(
                name: package.name,
                version: package.version,
                architecture: package.architecture
            )
        case .linkedPackage:
            prefix = "Linked"
            url = PackageURL.swift(
                name: package.name,
                version: package.version,
                location: package.homepage ?? ""
            )
        }
        let container = package.container.map { "Container-\($0)-" } ?? ""
        let identifier = makeIdentifier("\(container)\(prefix)-\(package.name)-\(package.architecture)")
        var element = SPDXFile.Package(
            SPDXID: identifier,
            name: package.name,
            versionInfo: package.version,
            packageFileName: package.filename.map { String($0.split(separator: "/").last ?? "") },
            homepage: Agent.homepage(package.homepage),
            sourceInfo: package.archive.map { "taken from the Debian archive, suite \($0)" },
            checksums: package.sha256.map {
                [SPDXFile.Checksum(algorithm: "SHA256", checksumValue: $0.hex)]
            },
            comment: Self.comment(on: package),
            externalRefs: [
                SPDXFile.ExternalRef(
                    referenceCategory: "PACKAGE-MANAGER",
                    referenceType: "purl",
                    referenceLocator: url
                )
            ],
            primaryPackagePurpose: Self.purpose(of: package)
        )
        element.supplier = Agent.supplier(package.maintainer) ?? element.supplier
        if let bytes = package.copyright, let copyright = CopyrightFile(bytes, package: package.name) {
            element.licenseDeclared = copyright.expression ?? element.licenseDeclared
            for license in copyright.extracted { extracted[license.identifier] = license }
        }
        if let license = package.license { element.licenseDeclared = license }
        packages.append(element)
        identifiersByKind[package.kind, default: []].append(identifier)
        if package.kind == .buildTool {
            relate(identifier, "BUILD_TOOL_OF", "SPDXRef-Image")
        } else {
            relate("SPDXRef-Image", "CONTAINS", identifier)
        }
        if let name = package.sourceName, !name.isEmpty {
            relate(
                identifier,
                "GENERATED_FROM",
                source(name, version: package.sourceVersion ?? package.version)
            )
        }
    }

    /// Says what the own programs are linked from, and that they need the runtime libraries: those are in the image for
    /// nothing else.
    mutating func relatePrograms() {
        for program in identifiersByKind[.ownProgram] ?? [] {
            for package in identifiersByKind[.linkedPackage] ?? [] { relate(program, "STATIC_LINK", package) }
            for library in identifiersByKind[.runtimeLibrary] ?? [] { relate(program, "DEPENDS_ON", library) }
        }
    }

    /// The element of a source package, made when it is first asked for.
    private mutating func source(_ name: String, version: String) -> String {
        if let identifier = sources["\(name) \(version)"] { return identifier }
        let identifier = makeIdentifier("Source-\(name)-\(version)")
        sources["\(name) \(version)"] = identifier
        let url = PackageURL.debian(
            name: name,
            version: version,
            architecture: "source",
            distribution: image.distribution
        )
        packages.append(
            SPDXFile.Package(
                SPDXID: identifier,
                name: name,
                versionInfo: version,
                externalRefs: [
                    SPDXFile.ExternalRef(
                        referenceCategory: "PACKAGE-MANAGER",
                        referenceType: "purl",
                        referenceLocator: url
                    )
                ],
                primaryPackagePurpose: "SOURCE"
            )
        )
        return identifier
    }

    private mutating func relate(_ from: String, _ type: String, _ to: String) {
        relationships.append(
            SPDXFile.Relationship(spdxElementId: from, relationshipType: type, relatedSpdxElement: to)
        )
    }

    /// An element's identifier: letters, digits, `.` and `-`, each given once.
    private mutating func makeIdentifier(_ text: String) -> String {
        let bytes = text.utf8.map { byte -> UInt8 in
            let isPlain =
                (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".")
            return isPlain ? byte : UInt8(ascii: "-")
        }
        let base = "SPDXRef-" + String(decoding: bytes, as: UTF8.self)
        var identifier = base
        var number = 2
        while !identifiers.insert(identifier).inserted {
            identifier = "\(base)-\(number)"
            number += 1
        }
        return identifier
    }

    private static func comment(on package: SBOMPackage) -> String? {
        let size = package.size.map { "size of the package file: \($0) bytes" }
        let container = package.container.map { "in the embedded container '\($0)'" }
        let parts = [container, size].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private static func purpose(of package: SBOMPackage) -> String {
        if package.kind == .ownProgram { return "APPLICATION" }
        if package.kind == .runtimeLibrary || package.kind == .linkedPackage { return "LIBRARY" }
        if package.name.hasPrefix("lib") { return "LIBRARY" }
        if package.name.hasPrefix("firmware-") || package.name.hasSuffix("-microcode") { return "FIRMWARE" }
        if package.name.hasPrefix("linux-image-") { return "OPERATING-SYSTEM" }
        return "APPLICATION"
    }
}
