"""Makes the environment before there is one: standard library only, for any Python from 3.8 on.

__main__      ``python3 -m deploy.bootstrap``
environment   makes ``.venv`` from ``requirements.lock``; uv itself comes from ``uv-requirements.txt``
words         runs Python with the words of ARGS, which no shell reads
debian        programs out of Debian packages, without root
"""
