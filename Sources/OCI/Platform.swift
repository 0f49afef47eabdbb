internal import JSON

/// The system and processor that an image is for (image-spec, image-index.md), in the words of Go.
public struct Platform: Sendable, Hashable, CustomStringConvertible {
    /// The operating system, such as `linux`.
    public var os: String
    /// The processor, such as `amd64` or `arm64`.
    public var architecture: String
    /// The version of the processor, such as `v8`; nil where the image does not say.
    public var variant: String?

    /// Names a platform.
    public init(os: String = "linux", architecture: String, variant: String? = nil) {
        (self.os, self.architecture, self.variant) = (os, architecture, variant)
    }

    /// What this program was compiled for.
    public static var current: Platform {
        #if arch(x86_64)
            Platform(architecture: "amd64")
        #elseif arch(arm64)
            Platform(architecture: "arm64", variant: "v8")
        #else
            #error("no name of this processor in images is known")
        #endif
    }

    /// `linux/amd64`, `linux/arm64/v8`.
    public var description: String { "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }

    /// Whether an image of the platform runs on this one.
    ///
    /// The first version of a processor (`v1` of amd64, `v8` of arm64) is what an image is for that names none. One for
    /// a later version is not taken: whether this machine has it is not known here.
    public func runs(_ image: Platform) -> Bool {
        guard os == image.os, architecture == image.architecture else { return false }
        return Self.first(image) == Self.first(self)
    }

    private static func first(_ platform: Platform) -> String {
        if let variant = platform.variant, !variant.isEmpty { return variant }
        switch platform.architecture {
        case "amd64": return "v1"
        case "arm64": return "v8"
        default: return ""
        }
    }

    var json: JSONValue {
        var members: [String: JSONValue] = ["os": .string(os), "architecture": .string(architecture)]
        if let variant { members["variant"] = .string(variant) }
        return .object(members)
    }

    init(_ reader: DocumentReader) throws(OCIError) {
        os = try reader.text("os")
        architecture = try reader.text("architecture")
        let variant = try reader.optionalText("variant")
        self.variant = variant == "" ? nil : variant
    }
}
