"""``result.json``: written in one place and read in one place.

Evidence and findings come in, and the file goes out; for a report, the file comes in and checked values go out.

    content        the content of the file
    classes        its part about quality by class, where there are more than two
    load           its part about how long requests took
    timeline       its parts over time
    file           the file itself: text, writing, reading
    fields         fields of the decoded file, each of the type that it must have
    parsed         what the file says, as types
    parse          from the decoded file to these types
    parse_load     the part of it about the load
    parse_classes  the parts of it about claims, classes and the metric map
"""
