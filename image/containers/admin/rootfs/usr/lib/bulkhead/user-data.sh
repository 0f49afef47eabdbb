# What the admin container reads of its user data, for `admin` to source: what can't be used is named on standard error,
# never left out in silence. The file is $userdata.

say() { echo "admin: $*" >&2; }

# Prints what a jq filter finds in the user data; nothing where there are none. Arguments: jq's.
query() {
    if [ -s "$userdata" ]; then jq --raw-output "$@" "$userdata"; fi
}

# Prints a text of the user data: NAME
text() {
    value='.[$name] | if . == null then "" else . end'
    case $(query --arg name "$1" "$value | type") in
    '') ;;
    string) query --arg name "$1" "$value" ;;
    *) say "'$1' is no text, and is not used" ;;
    esac
}

# Prints those entries of a list below `ssh` that match, each on a line: NAME PATTERN WHAT
entries() {
    all='(.ssh | objects | .[$name] | values) | if type == "array" then .[] else . end'
    # A key that comes from a file often has that file's line feed.
    good='strings | sub("[\\r\\n ]+\\z"; "") | select(test($pattern))'
    query --arg name "$1" --arg pattern "$2" "$all | $good"
    others=$(query --arg name "$1" --arg pattern "$2" "([$all] | length) - ([$all | $good] | length)")
    if [ "${others:-0}" != 0 ]; then say "$others of 'ssh.$1' left out: each must be $3"; fi
}

# The lines of a list: NAME
lines() {
    entries "$1" '\A[^\r\n]+\z' "a text of one line"
}

# The names in a list, with commas between them: NAME
algorithms() {
    entries "$1" '\A[A-Za-z0-9@.,+-]+\z' "the name of an algorithm" | paste -s -d , -
}
