"""Names that are never media of their own: half-written files and vendors' junk."""

import re

# Temporary names of rsync, Syncthing, SMB, browsers, Android, Nextcloud and editors.
# Asked for every file of every scan, so what can't match is ruled out by one character.
_TEMPORARY = re.compile(
    rb"""
      ~.*                                  # ~syncthing~x.tmp, ~$x, ~x.jpg
    | .*~                                  # x.jpg~
    | \.(?:
          syncthing\..*
        | smbdelete.*
        | _.*                              # AppleDouble
        | (?:pending|trashed)-.*           # Android
        | .+\.[A-Za-z0-9]{6}               # .x.jpg.AbC123: rsync
        | DS_Store | nomedia | stignore | sync_.*
      )
    | .*\.(?=[!\#acdfoptsu])(?:
          part | partial | filepart | crdownload | download | opdownload | tmp | temp
        | swp | !ut | !qb | aria2 | \#part | upload | uploading
        | ocTransferId[0-9]+\.part
      )
    | (?=[deist])(?:
          Thumbs\.db | ehthumbs\.db | desktop\.ini | Icon\r | SYNOFILE_THUMB_.*
        | SYNOPHOTO_.*
      )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

_JUNK_DIRECTORIES = re.compile(
    rb"""
      @eaDir | @Recycle | @Recently-Snapshot | \#recycle | \#snapshot
    | \.@__thumb | \.thumbnails | \.thumbs | \.Trash | \.Trash-\d+ | \.Trashes
    | \$RECYCLE\.BIN | RECYCLER | System\ Volume\ Information | lost\+found
    | \.stfolder.* | \.stversions | \.sync | \.zfs | \.snapshots? | \.Spotlight-V100
    | \.fseventsd | \.TemporaryItems | \.DocumentRevisions-V100 | __MACOSX
    | \.picasaoriginals | \.git
    """,
    re.VERBOSE | re.IGNORECASE,
)

ignored_file = _TEMPORARY.fullmatch
ignored_directory = _JUNK_DIRECTORIES.fullmatch


def ignored_path(relative: bytes) -> bool:
    """Return whether a file at this relative path is never looked at."""
    *directories, name = relative.split(b"/")
    return ignored_file(name) is not None or any(map(ignored_directory, directories))
