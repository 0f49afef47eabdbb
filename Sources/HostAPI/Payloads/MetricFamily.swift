/// Measurements of one kind in the text format of Prometheus, version 0.0.4: what `GET /metrics` answers.
public struct MetricFamily: Sendable, Equatable {
    /// The media type of the text.
    public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    /// How the value behaves.
    public enum Kind: String, Sendable {
        /// It only grows, and begins at 0 when the server starts.
        case counter
        /// It goes up and down.
        case gauge
    }

    /// One measurement.
    public struct Sample: Sendable, Equatable {
        /// Labels by their names.
        public var labels: [String: String]
        /// The value.
        public var value: Double

        /// A measurement.
        public init(_ value: Double, labels: [String: String] = [:]) {
            self.labels = labels
            self.value = value
        }
    }

    /// The name: letters, digits, `_` and `:`; a counter's ends in `_total`.
    public var name: String
    /// What is measured, and in which unit.
    public var help: String
    /// How the value behaves.
    public var kind: Kind
    /// The measurements.
    public var samples: [Sample]

    /// Measurements; characters that a name must not have become `_`.
    public init(_ name: String, _ kind: Kind, help: String, samples: [Sample]) {
        self.name = Self.legal(name, colon: true)
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// One measurement without labels.
    public init(_ name: String, _ kind: Kind, help: String, value: Double) {
        self.init(name, kind, help: help, samples: [Sample(value)])
    }

    /// The lines of the family.
    public var text: String {
        var text = "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.sorted { $0.key < $1.key }.map {
                "\(Self.legal($0.key, colon: false))=\"\(Self.escaped($0.value, quotes: true))\""
            }
            text += name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
            text += " \(Self.text(of: sample.value))\n"
        }
        return text
    }

    /// The text of several families, in the order of their names.
    public static func text(of families: [MetricFamily]) -> String {
        families.sorted { $0.name < $1.name }.map(\.text).joined()
    }

    private static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func legal(_ name: String, colon: Bool) -> String {
        var result = ""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
            case "0"..."9" where index > 0: result.unicodeScalars.append(scalar)
            case ":" where colon: result.unicodeScalars.append(scalar)
            default: result += "_"
            }
        }
        return result.isEmpty ? "_" : result
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += #"\\"#
            case "\n": result += #"\n"#
            case "\"" where quotes: result += #"\""#
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
