import Foundation
import JSON
import SettingsModel
import TOMLKit
import Templates
import TestSupport
import Testing

/// What the model accepts, the templates render: one value must never cost a whole file.
@Suite struct GeneratedSettingsTests {
    @Test func everythingTheModelAcceptsIsRendered() throws {
        let content = try ImageContent()
        let own = try certificate("own").pem
        let lines = own.split(separator: "\n")
        var generated = GeneratedSettings(certificates: [
            own, own + own, "text in front\n" + own,
            lines.map { " \t\($0) " }.joined(separator: "\r\n"),
            lines.joined(separator: "\n\n"), lines.joined(separator: "\u{2028}"),
            lines.joined(separator: "\r"),
            own.replacing("CERTIFICATE", with: "TRUSTED CERTIFICATE"),
            own + "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n",
        ])
        let image = try certificate("image").pem
        var templates: [String: Template] = [:]
        for file in content.files.values { templates[file.name] = try content.template(file.template) }
        let helpers = HelperSet.host(processors: 2) { _ throws(HelperError) in image }
        var keys: Set<SettingKey> = []
        var failures: Set<String> = []
        for round in 0..<160 {
            let (document, _) = SettingsDocument.sift(generated.document(round: round))
            keys.formUnion(document.values.keys)
            let context: JSONValue = ["settings": merged(content.defaults, document.json)]
            for (name, template) in templates {
                do throws(TemplateError) {
                    let text = try template.render(context: context, helpers: helpers)
                    switch name {
                    // Foundation's reader, because ours has no numbers above the largest one with a sign.
                    case "cri-base":
                        #expect(throws: Never.self) {
                            try JSONSerialization.jsonObject(with: Data(text.utf8))
                        }
                    case "containerd-config": #expect(throws: Never.self) { try TOMLTable(string: text) }
                    case "ca-certificates": #expect(text.contains(image) || document.json["pki"] != nil)
                    default: #expect(text.isEmpty || text.hasSuffix("\n"), "\(name)")
                    }
                } catch { failures.insert("\(name): \(error)") }
            }
        }
        #expect(failures.isEmpty, "\(failures.sorted().joined(separator: "\n"))")
        // Each setting that a template reads was there.
        for path in Set(templates.values.flatMap(\.paths)) {
            // The names of the entries of maps are in the keys only.
            let isThere = keys.contains { key in
                path.allSatisfy(key.segments.contains) || path.starts(with: key.segments)
            }
            #expect(isThere, "\(path)")
        }
    }
}
