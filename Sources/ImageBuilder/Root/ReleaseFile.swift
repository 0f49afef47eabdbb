import FileTree
import VariantManifest

/// /usr/lib/os-release (os-release(5)).
enum ReleaseFile {
    /// The text for a release; the same goes into the root, the initrd and the UKI.
    static func text(variant: ResolvedVariant, version: String) -> String {
        """
        NAME="Bulkhead"
        ID=bulkhead
        ID_LIKE=debian
        PRETTY_NAME="Bulkhead \(version) (\(variant.name))"
        VERSION="\(version) (\(variant.name))"
        VERSION_ID=\(version)
        VARIANT="\(quoted(variant.description))"
        VARIANT_ID=\(variant.name)
        IMAGE_ID=\(variant.name)
        IMAGE_VERSION=\(version)
        DEFAULT_HOSTNAME=bulkhead

        """
    }

    /// Escapes what has a meaning inside of double quotes.
    private static func quoted(_ text: String) -> String {
        var result = ""
        for character in text {
            if "\"\\$`".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }
}
