r"""A layout → one function from a number to its line of JSON, for streams of many values. Uses codec and catalog.

A tree of nodes for each value costs 15 µs; for a million values that is most of the time. So only the first values of a stream go through
the tree; then a function is generated that writes the same text directly. Take HV_X64_MSR_SIRBP, whose layout is

    { bits = "0",     name = "sirbp_enabled" }
    { bits = "11:1",  reserved = "preserve" }
    { bits = "63:12", name = "base_sirbp_gpa", show = "gpa_page" }

and whose summary is "sirbp_enabled? enabled", "!sirbp_enabled? disabled", "base_sirbp_gpa? {base_sirbp_gpa}". Its function is this one,
where `n` is the value and `tail` is the end of each line:

    def function(n, raw='', tail=''):
        x0 = n & 0x1
        x1 = n >> 12
        x2 = f'{k2(x1)}'
        x3 = ', ' + x2 if x2 else ''
        x4 = x3 if x1 else ''
        x5 = f'{k1[x0]}{x4}'
        x6 = f',"summary":"{x5[2:]}"' if x5 else ''
        x7 = n >> 1 & 0x7ff
        x8 = f',{{"code":"reserved_set","field":"reserved_11_1","text":"reserved bits are set"}}' if x7 else ''
        x9 = f',"findings":[{x8[1:]}]' if x8 else ''
        return f'{{"name":"HV_X64_MSR_SIRBP","kind":"register","arch":"x64","space":"msr","number":"0x40000085","raw":"0x{n:016x}"{x6},
            "fields":[{{"name":"base_sirbp_gpa","bits":[63,12],"raw":"0x{x1:013x}","value":{x1},"meaning":"{k2(x1)}"}},
            {{"name":"reserved_11_1","bits":[11,1],"raw":"0x{x7:03x}","value":{x7},"reserved":true}},
            {{"name":"sirbp_enabled","bits":[0,0],"raw":"{k3[x0]}}}]{x9}{tail}'

`k1` and `k3` are tables, indexed by the few bits that determine their text; `k2` calls the formatter of a page number. The text of a
small struct within a struct, such as the header of a message, is kept by its bytes, since the same header comes again and again.

Why it equals the tree: no module here interprets a layout. locate.py decodes one value with the decoder itself, and notes the bits of each
node. write_tree.py walks that tree as to_dict() does, and writes for each node a fragment of source that does with the bits what the
decoder did with the value; write_phrases.py and write_findings.py do the same for sentences and findings, and call the decoder's own
functions for anything beyond a look-up. If the shape of a tree depends on a value (a variant, a count), lines.py has a function for each
shape that occurs. Anything that cannot be located goes through the tree. A test compares both ways, byte for byte, for every layout.
"""
