/// The parts of SPDX 2.3 that Bulkhead writes, by the key names of its JSON schema.
struct SPDXFile: Encodable {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    let SPDXID = "SPDXRef-DOCUMENT"
    let spdxVersion = "SPDX-2.3"
    let dataLicense = "CC0-1.0"
    var name: String
    var documentNamespace: String
    var creationInfo: CreationInfo
    var packages: [Package]
    var relationships: [Relationship]
    var hasExtractedLicensingInfos: [ExtractedLicensingInfo]?

    struct CreationInfo: Encodable {
        var created: String
        var creators: [String]
    }

    struct Checksum: Encodable {
        var algorithm: String
        var checksumValue: String
    }

    struct ExternalRef: Encodable {
        var referenceCategory: String
        var referenceType: String
        var referenceLocator: String
    }

    struct Package: Encodable {
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var SPDXID: String
        var name: String
        var versionInfo: String
        var packageFileName: String?
        var supplier = "NOASSERTION"
        // No mirror is more right than another.
        let downloadLocation = "NOASSERTION"
        let filesAnalyzed = false
        var homepage: String?
        var sourceInfo: String?
        var checksums: [Checksum]?
        let licenseConcluded = "NOASSERTION"
        var licenseDeclared = "NOASSERTION"
        let copyrightText = "NOASSERTION"
        var comment: String?
        var externalRefs: [ExternalRef]?
        var primaryPackagePurpose: String
    }

    struct Relationship: Encodable {
        var spdxElementId: String
        var relationshipType: String
        var relatedSpdxElement: String
    }

    struct ExtractedLicensingInfo: Encodable {
        var licenseId: String
        var name: String
        var extractedText: String
    }
}
