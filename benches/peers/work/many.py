"""100 small files with owner and mode."""

from pyinfra import host
from pyinfra.operations import files

files.directory(path="/etc/bench-many", mode="755")
for number in range(1, 101):
    files.template(
        src="templates/many.conf.j2",
        dest=f"/etc/bench-many/file-{number}.conf",
        user="www-data",
        group="adm",
        mode="640",
        machine=host.data.machine,
        number=number,
    )
