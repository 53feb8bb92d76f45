"""What a run leaves behind, and how it is written: all of ``analysis`` that load generation may import.

Attempts of the load generator come in; files of the run folder go out.

    runfolder     the names of the files, and ``run.json``: what the run was asked for and what its recorder reports
    ledger        the ledger's format: columns, outcomes, batches to and from bytes
    ledger_file   the ledger's file: written batch by batch, read batch by batch, also after a crash
    ledger_rules  what every true ledger keeps, and which event breaks it
    decoding      JSON into the types that it must have
    seal          ``seal.json``: the digest of each file of evidence, and what has changed since
    urls          URLs without their passwords
    instants      moments as RFC 3339 text and as seconds
    arrow         numpy to and from Arrow without pandas
    arrays        names for the types of arrays
"""
