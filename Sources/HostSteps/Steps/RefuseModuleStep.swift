extension Step {
    static let refuseModule = Step(
        name: "refuse-module",
        summary: "say that settings forbid a kernel module, and fail",
        help: """
            Usage: hostd refuse-module NAME

            Says that settings forbid the kernel module NAME, and fails: what 'install' lines of
            modprobe.d(5) run in place of loading it.
            """
    ) { options, _ in
        var options = options
        guard let name = options.operand() else { throw UsageError("the name of a module is missing") }
        try options.end()
        throw StepError(
            "settings forbid the kernel module '\(name)': settings.kernel.modules.\(name).allowed is false"
        )
    }
}
