import Foundation
import JSON
import Templates
import Testing

@Suite struct FeatureFileTests {
    @Test func everyTemplateReadsOnlyWhatItsServicesFollow() throws {
        let content = try ImageContent()
        for file in content.files.values {
            let template = try content.template(file.template)
            let services = content.services.values.filter { $0.files.contains(file.name) }
            #expect(!services.isEmpty, "no service lists the file \(file.name)")
            for service in services {
                for path in template.paths {
                    #expect(
                        service.settings.contains { path.starts(with: $0) },
                        "\(file.template) reads settings.\(path.joined(separator: ".")), which the service '\(service.name)' does not list"
                    )
                }
            }
            #expect(template.otherPaths.allSatisfy { $0.first == "os" }, "\(file.template)")
            let known = HelperSet.standard.names.union(["file_contents"])
            #expect(template.helpers.isSubset(of: known), "\(template.helpers.subtracting(known))")
        }
    }

    @Test func everyFollowedSettingIsRead() throws {
        let content = try ImageContent()
        for service in content.services.values {
            let paths = try service.files.flatMap { name in
                try content.template(try #require(content.files[name]).template).paths
            }
            for setting in service.settings {
                #expect(
                    paths.contains { $0.starts(with: setting) || setting.starts(with: $0) },
                    "the service '\(service.name)' follows \(setting), which none of its files reads"
                )
            }
        }
    }

    @Test func filesAndServicesAreWhole() throws {
        let content = try ImageContent()
        for service in content.services.values {
            for file in service.files { #expect(content.files[file] != nil, "\(service.name): \(file)") }
            for request in service.restart {
                let words = request.split(separator: " ")
                #expect(words.count == 2 && words[1].hasSuffix(".service"))
                #expect(
                    ["start", "restart", "reload", "try-restart", "try-reload-or-restart"].contains(words[0])
                )
            }
        }
        let paths = content.files.values.map(\.path)
        #expect(Set(paths).count == paths.count)
        for file in content.files.values {
            #expect(file.path.hasPrefix("/etc/"))
            #expect(["0600", "0644"].contains(file.mode))
            // A fixed file would hide the rendered one.
            let fixed = ImageContent.folder.appending(path: "rootfs" + file.path)
            #expect(!FileManager.default.fileExists(atPath: fixed.path), "\(file.path)")
        }
        let templates = try FileManager.default.contentsOfDirectory(
            atPath: ImageContent.folder.appending(path: "templates").path
        )
        #expect(Set(templates) == Set(content.files.values.map(\.template)))
        for description in content.descriptions.values { #expect(description.hasSuffix(".")) }
        #expect(content.descriptions.count >= 12)
    }

    @Test func everythingRendersWithTheDefaultsAndWithNothing() throws {
        let content = try ImageContent()
        let bundle = try certificate("authority").pem
        for file in content.files.values {
            let text = try content.render(file.name, bundle: bundle)
            #expect(text.isEmpty || text.hasSuffix("\n"), "\(file.name)")
            // Objects of JSON may end together.
            let isJSON = file.path.hasSuffix(".json")
            #expect(!text.contains("{{") && (isJSON || !text.contains("}}")), "\(file.name)")
            let helpers = HelperSet.host(processors: 1) { _ throws(HelperError) in bundle }
            _ = try content.template(file.template).render(context: ["settings": [:]], helpers: helpers)
        }
    }

    @Test func secretsAreForRootOnly() throws {
        let content = try ImageContent()
        #expect(content.files["containerd-config"]?.mode == "0600")
        #expect(content.files["proxy-env"]?.mode == "0600")
        #expect(content.files["updater-config"]?.mode == "0600")
        #expect(content.files["host-containers"]?.mode == "0600")
        #expect(content.files["image-pull"]?.mode == "0600")
    }

    @Test func generatorsAreThoseOfHostd() throws {
        let content = try ImageContent()
        #expect(content.generators["updates.seed"]?["strength"] == "strong")
        #expect(content.generators["network.hostname"]?["strength"] == "weak")
        #expect(
            content.generators["updates.seed"]?["command"] == ["/usr/lib/bulkhead/hostd", "generate", "seed"]
        )
        #expect(content.defaults["metrics"]?["send-metrics"] == false)
    }
}
