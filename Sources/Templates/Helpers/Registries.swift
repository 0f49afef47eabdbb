internal import JSON
internal import SettingsModel

/// Container registries, in the form in which containerd's configuration needs them.
let registryHelpers: [String: Helper] = [
    // `registry_mirrors list`: [{registry, endpoint}] with one entry a registry, sorted. Where a registry stands twice,
    // the endpoints are joined: two TOML tables of one name would keep containerd from starting.
    "registry_mirrors": Helper(1) { arguments throws(HelperError) in
        var endpoints: [String: [JSONValue]] = [:]
        for element in try arguments.list(0) {
            guard let registry = element["registry"]?.string, let list = element["endpoint"]?.elements,
                list.allSatisfy({ $0.string != nil }), RegistryName(registry) != nil
            else {
                throw arguments.refusal(0, "a list of objects with 'registry' (a host name) and 'endpoint'")
            }
            // containerd's newer hosts.toml says "_default", the configuration that we write says "*".
            let name = registry == "_default" ? "*" : registry
            for endpoint in list where endpoints[name]?.contains(endpoint) != true {
                endpoints[name, default: []].append(endpoint)
            }
        }
        return .array(
            endpoints.sorted { $0.key < $1.key }.map {
                .object(["registry": .string($0.key), "endpoint": .array($0.value)])
            }
        )
    },
    // `registry_credentials list`: the list with one entry a registry, the last one, sorted, and with the names that
    // containerd compares: docker.io's server is registry-1.docker.io.
    "registry_credentials": Helper(1) { arguments throws(HelperError) in
        var entries: [String: [String: JSONValue]] = [:]
        for element in try arguments.list(0) {
            guard var entry = element.members, let registry = entry["registry"]?.string,
                RegistryName(registry) != nil
            else { throw arguments.refusal(0, "a list of objects with 'registry' (a host name)") }
            // Neither containerd nor our own client sends them to a registry that is not named.
            if ["*", "_default"].contains(registry) { continue }
            let host =
                ["docker.io", "index.docker.io"].contains(registry) ? "registry-1.docker.io" : registry
            entry["registry"] = .string(host)
            entries[host] = entry
        }
        return .array(entries.sorted { $0.key < $1.key }.map { .object($0.value) })
    },
]
