package state

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

// openFolder creates the folder dir, if it does not exist, for this user alone, and
// refuses one that others can write to, because they could change the private keys and
// objects that are read from it. A group of this process may write, as to the volumes
// of a pod with an fsGroup.
func openFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of the state: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("looking at the folder of the state: %w", err)
	}
	by := ""
	mode := info.Mode().Perm()
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("the state %s is not a folder", dir)
	case mode&0o002 != 0:
		by = "everyone"
	case known && owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		by = fmt.Sprintf("its owner, user %d", owner.Uid)
	case known && mode&0o020 != 0 && owner.Gid != 0 && !isOurGroup(int(owner.Gid)):
		by = fmt.Sprintf("group %d", owner.Gid)
	default:
		return nil
	}
	return fmt.Errorf("the folder %s of the state can be written to by %s (mode %04o), make it one that only the gateway's user can write to (chmod 0700)", dir, by, mode)
}

func isOurGroup(gid int) bool {
	groups, err := os.Getgroups()
	return gid == os.Getegid() || err == nil && slices.Contains(groups, gid)
}
