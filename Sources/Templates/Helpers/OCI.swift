internal import JSON
internal import SettingsModel

/// Parts of an OCI runtime configuration (runtime-spec 1.x, config.md).
let ociHelpers: [String: Helper] = [
    // `oci_defaults "containerd" settings.oci-defaults.capabilities`: the sets of capabilities, as members of an object.
    // `oci_defaults "containerd" settings.oci-defaults.resource-limits`: the limits, as elements of a list.
    // The last name of the path says which, as in Bottlerocket; the option section= says it where there is no path.
    // Not set: no capability, no limit. A limit that is not set is the other one; a soft limit above the hard one, which
    // two changes of settings can leave behind, is the hard one. The limits are in order of their names (Bottlerocket's order is random), and -1
    // and "unlimited" are the largest number of 64 bits.
    "oci_defaults": Helper(2...2, options: ["section"]) { arguments throws(HelperError) in
        guard try arguments.text(0) == "containerd" else {
            throw arguments.refusal(0, "containerd: no other runtime is in the image")
        }
        let section =
            arguments.options["section"]?.string
            ?? arguments.names.last?.split(separator: ".").last.map(String.init) ?? ""
        let settings = try arguments.members(1)
        switch section {
        case "capabilities": return .string(try capabilities(settings))
        case "resource-limits": return .string(try limits(settings))
        default:
            throw HelperError("the section '\(section)' must be capabilities or resource-limits")
        }
    }
]

private func capabilities(_ settings: [String: JSONValue]) throws(HelperError) -> String {
    var names: [String] = []
    for (name, value) in settings {
        guard let isEnabled = value.bool, let capability = Capability(rawValue: name) else {
            throw HelperError("'\(name.prefix(40))' must be the name of a capability, with true or false")
        }
        if isEnabled { names.append("\"\(capability.kernelName)\"") }
    }
    let list = names.sorted().joined(separator: ",\n")
    return ["bounding", "effective", "permitted"].map { "\"\($0)\": [\(list)]" }.joined(separator: ",\n")
        + "\n"
}

private func limits(_ settings: [String: JSONValue]) throws(HelperError) -> String {
    var texts: [String] = []
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
        let (hard, soft) = (limit(value["hard-limit"]), limit(value["soft-limit"]))
        // What is there must be a limit; the one that is missing is the same as the other.
        guard let resource = LimitedResource(rawValue: name), value.members != nil,
            (hard == nil) == (value["hard-limit"] == nil), (soft == nil) == (value["soft-limit"] == nil)
        else { throw HelperError("'\(name.prefix(40))' must be a limit with hard-limit and soft-limit") }
        guard let hard = hard ?? soft else { continue }
        // runc starts nothing where the soft limit is the greater one (setrlimit(2): EINVAL).
        let inForce = min(soft ?? hard, hard)
        texts.append("{ \"type\": \"\(resource.kernelName)\", \"hard\": \(hard), \"soft\": \(inForce) }")
    }
    return texts.joined(separator: ",\n")
}

private func limit(_ value: JSONValue?) -> UInt64? {
    switch value {
    case .integer(-1), .string("unlimited"): .max
    case .integer(let number): UInt64(exactly: number)
    case .string(let text): UInt64(text)
    default: nil
    }
}
